# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Foreign payloads: which text, which JSON, and which values at a path."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.model.payload import LOOKS_MAX, NotUnderstoodError, Reader, is_clean, json_of, same, scalar, text_of


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"ON", "ON"), (b" \tON\r\n", "ON"), (b"\x02O N\x03", "O N"), (b"O\x00N\x00", "ON"), (b"\xef\xbb\xbfON", "ON"),
        ("café".encode(), "café"), ("café".encode("latin-1"), "café"), ("ON".encode("utf-16"), "ON"),
        (b"\xfe\xff\x00O\x00N", "ON"), ("ON".encode("utf-16") + b"\x4f", "ON"), (b"", ""),
    ],
)  # fmt: skip
def test_bytes_are_read_as_the_text_that_they_can_only_be(payload: bytes, text: str) -> None:
    """A1: another encoding, a byte too many and what cannot be seen hide no word."""
    assert text_of(payload) == text


@pytest.mark.parametrize(
    ("payload", "clean"), [(b"\xef\xbb\xbfON\t1\r\n", True), (b"O\x01N", False), (b"caf\xe9", False), (b"", True)]
)
def test_what_was_meant_as_text_has_no_control_characters(payload: bytes, *, clean: bool) -> None:
    """A6: bytes that are no text are told as such."""
    assert is_clean(payload) is clean


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b'{"a":1}', {"a": 1}), (b'{"a":1} OK', {"a": 1}), (b'{"a":nan}', {"a": None}), (b"7", 7),
        (b"{'a': 'it\\'s', 'b': None, 'c': [True, False,]}", {"a": "it's", "b": None, "c": [True, False]}),
        (b'{a:undefined,"b":007}', {"a": None, "b": "007"}), (b'{"a":"it\'s"}}', {"a": "it's"}),
    ],
)  # fmt: skip
def test_what_others_print_as_json_is_read(payload: bytes, body: Any) -> None:
    """A1: C, Python and JavaScript each print their own; what follows the JSON is left out."""
    assert json_of(payload) == body


@pytest.mark.parametrize("payload", [b"", b"emergency", b'{"a":', b"[" * 5000, b"7 8", b"\xff\x00"])
def test_what_is_no_json_is_not_understood(payload: bytes) -> None:
    """A6: in the words that health shows; a word or a number in front of something else is no JSON."""
    with pytest.raises(NotUnderstoodError, match=r"^not JSON$"):
        json_of(payload)


BODY: dict[str, Any] = {
    "a": {"b": 1, "b.c": 2, "": {"b": 9}},
    "a.b": 3,
    "list": [{"x": 4}, {"x": 5, "y": [6, 7]}],
    "packed": ' {"x": 8}',
    "packed list": "[10, 11]",
    "plain": "{",
    "": {"a": {"b": 9}},
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("a.b", [1, 3]), ("a.b.c", [2]), ("a.c", []), ("", []), ("list.1.x", [5]), ("list.2.x", []), ("list.x", []),
        ("list.*.x", [4, 5]), ("list.*.y.*", [6, 7]), ("list.1.*", [5, [6, 7]]), ("list.1.y.*", [6, 7]),
        ("*.x", [8]), ("packed.x", [8]), ("packed list.1", [11]), ("plain.x", []), ("list.00001.x", [5]),
        ("list.-1.x", []),
    ],
)  # fmt: skip
def test_a_path_finds_names_with_dots_items_and_what_is_packed(path: str, values: list[Any]) -> None:
    """A1: whatever way a gateway nests its values, the documented path is the one that finds them."""
    assert [value for value, _ in Reader(BODY).all(path)] == values


@pytest.mark.parametrize(
    ("path", "like", "values"),
    [
        ("list.*.x", "list.*.y", [5]), ("list.*.x", "list.*", [5]), ("list.*.x", "", [4, 5]), ("*.1.x", "list.*", [5]),
        ("list.*.y.*", "list.*.y.*", [6, 7]), ("list.*", "list.*.y", [BODY["list"][1]]),
    ],
)  # fmt: skip
def test_a_star_is_the_same_item_as_far_as_the_paths_are_alike(path: str, like: str, values: list[Any]) -> None:
    """A1: what is said of one item of a list is not taken for another's."""
    assert [value for value, _ in Reader(BODY).all(path, like, {1: 1})] == values
    assert Reader(BODY).first(path, like, {1: 1}) == values[0]


def test_a_value_that_is_nowhere_is_none() -> None:
    """A1: an item that is no longer there is none, and no error."""
    assert Reader(BODY).first("list.*.x", "list.*.y", {1: 2}) is None


PACKED = '{"b":1}'.ljust(39)


@pytest.mark.parametrize(
    ("body", "path", "most"),
    [([0], "*", LOOKS_MAX - 1), ([PACKED], "*.b", (LOOKS_MAX - 1) // 3), (["".ljust(400)], "*", LOOKS_MAX - 1)],
    ids=["items", "packed items", "texts"],
)
def test_a_message_is_looked_through_up_to_a_bound(body: list[Any], path: str, most: int) -> None:
    """A2: the root, each item and each member is a look; JSON in a text is one more for every twenty letters."""
    assert len(list(Reader(body * most).all(path))) == most
    with pytest.raises(NotUnderstoodError, match=r"^its lists are too long: more than 20000 values to look at$"):
        list(Reader(body * (most + 1)).all(path))


def test_the_bound_is_a_messages_and_not_a_paths() -> None:
    """A2: two searches of one message share it."""
    reader = Reader({"a": '{"b":1}'.ljust(20 * (LOOKS_MAX // 2))})
    assert [value for value, _ in reader.all("a.b")] == [1]
    with pytest.raises(NotUnderstoodError):
        list(reader.all("a.b"))


@pytest.mark.parametrize(
    ("value", "text"),
    [("ON", "ON"), (True, "true"), (False, "false"), (1, "1"), (1.5, "1.5"), (None, None), ([1], None), ({}, None)],
)
def test_a_single_value_is_written_as_in_json(value: Any, text: str | None) -> None:
    """A1: a number and a truth are compared with the settings in the way that JSON writes them."""
    assert scalar(value) == text


@pytest.mark.parametrize(
    ("value", "wanted", "alike"),
    [
        ("ON", "ON", True), (" ON\n", "ON", True), ("\x02ON\x03", "ON", True), ("on", "ON", False),
        ("1", "1.0", True), ("-1.50", "-1.5", True), ("007", "7", False), ("1e3", "1000", False), ("nan", "nan", True),
        ("ON", " ON", False), ("0", "false", False), ("1", "2", False), ("1", "ON", False),
    ],
)  # fmt: skip
def test_a_value_is_the_configured_one_or_the_same_number(value: str, wanted: str, *, alike: bool) -> None:
    """A1: what cannot be seen at its ends does not count; 007 is a text."""
    assert same(value, wanted) is alike
