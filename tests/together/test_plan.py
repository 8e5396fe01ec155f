# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The plan of the faults that meet: what is drawn, what met, and how a story that failed is cut down."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulators.faults import PLUGS
from tests.together.faults import FAULTS
from tests.together.story import STATES, Step, Story, draw, pairs, shrink, states

seeds = st.integers(0, 2**31)


@given(seeds)
def test_a_seed_is_one_story_of_two_or_three_faults_of_different_things(seed: int) -> None:
    """H2: a seed names its story; two or three faults begin in it, each of another thing, and what ends had begun."""
    story = draw(seed)
    assert story == draw(seed)
    begun = [step.what for step in story.steps if step.act == "begin"]
    assert len(begun) in {2, 3}
    assert len({FAULTS[name].of for name in begun}) == len(begun)
    acts = [(step.act, step.what) for step in story.steps]
    assert all(acts.index(("begin", what)) < n for n, (act, what) in enumerate(acts) if act in {"end", "told"})


@given(seeds)
def test_faults_meet_in_each_story(seed: int) -> None:
    """H2: what is counted as tried was: in each story at least one pair met, under names and a state that are known."""
    met = pairs(draw(seed))
    assert met
    for first, second, state in met:
        assert first < second
        assert {first, second} <= set(FAULTS)
        assert state in STATES


def test_every_fault_of_the_issues_list_is_drawn_in_every_state() -> None:
    """H2: five hundred seeds in a row have every fault and every state, and each plug is one of the simulated room."""
    drawn = [draw(seed) for seed in range(500)]
    met = [pair for story in drawn for pair in pairs(story)]
    assert {name for first, second, _ in met for name in (first, second)} == set(FAULTS)
    assert {state for *_, state in met} == set(STATES)
    worldly = {"disk", "clock", "policy", "power"}
    plugs = {name for name, fault in FAULTS.items() if fault.of not in worldly and not name.endswith(".killed")}
    assert plugs <= set(PLUGS)


def test_the_state_follows_from_the_steps() -> None:
    """H2: the state in which a fault began is the room's, not the scene's name."""
    press, record = Step("press", "alarm", 150), Step("press", "record", 150)
    acts = (press, press, Step("reset"), record, Step("down", "alarm"), Step("up", "alarm"), Step("wait"))
    assert states(Story(0, acts)) == ("rest", "alarm", "repeat", "reset", "recording", "press", "alarm")


@given(seeds, st.data())
def test_a_story_is_cut_down_to_what_it_takes_to_fail(seed: int, data: st.DataObject) -> None:
    """H2: whatever steps a failure takes, the story that is left has these and no other."""
    story = draw(seed)
    needed = set(data.draw(st.lists(st.sampled_from(range(len(story.steps))), min_size=1, max_size=4)))
    marked = Story(seed, tuple(Step("wait", str(n)) for n in range(len(story.steps))))

    def fails(one: Story) -> bool:
        return {str(n) for n in needed} <= {step.what for step in one.steps}

    cut = shrink(marked, fails, 1000)
    assert [step.what for step in cut.steps] == [str(n) for n in sorted(needed)]
    tried: list[Story] = []
    shrink(marked, lambda one: bool(tried.append(one)), 5)  # type: ignore[func-returns-value]
    assert len(tried) <= 5
