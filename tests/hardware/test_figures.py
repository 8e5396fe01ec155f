# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The figures of a picture: real photographs, blurred, darkened and made noisy."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import skimage
from numpy.typing import NDArray
from skimage.filters import gaussian

from daemon.model.unit import Camera
from hardware.figures import EVERY_NS, PictureMeter, Sample, measure
from hardware.ports import BLOCK_COLUMNS, BLOCK_ROWS
from tests.waiting import Until

PHOTOS = ("motorcycle_left.png", "rocket.jpg", "coffee.png", "chelsea.png", "astronaut.png", "grass.png")
LIMITS = Camera()
NS = 1_000_000_000
Luma = NDArray[np.uint8]


def photo(name: str, width: int = 640, height: int = 480) -> Luma:
    """A photograph's luma, scaled to fill."""
    frame = next(av.open(str(Path(skimage.__file__).parent / "data" / name)).decode(video=0))
    scale = max(width / frame.width, height / frame.height)
    grey = frame.reformat(round(frame.width * scale) // 2 * 2, round(frame.height * scale) // 2 * 2, "gray")
    return np.ascontiguousarray(grey.to_ndarray()[:height, :width])


def blurred(luma: NDArray[np.float64], blur_px: float) -> NDArray[np.float64]:
    """As a lens does that is out of focus."""
    soft: NDArray[np.float64] = gaussian(luma, blur_px)  # type: ignore[no-untyped-call]  # scikit-image has no types here
    return soft


def seen(luma: NDArray[np.float64] | Luma, blur_px: float = 0.0, noise: float = 0.0) -> Sample:
    """What a camera with a lens like that and a sensor like that would give."""
    picture = blurred(luma.astype(float), blur_px) if blur_px else luma.astype(float)
    picture = picture + np.random.default_rng(3).normal(0, noise, picture.shape)
    rows = np.clip(picture, 0, 255).astype(np.uint8)
    return Sample(rows[2 :: max(1, rows.shape[0] // 90)], 0)


def sharpness(sample: Sample) -> int:
    found = measure(sample).figures.sharpness_pct
    assert found is not None
    return found


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photograph_in_focus_is_no_fault_and_out_of_focus_it_is(name: str) -> None:
    """H1: at the default bound a photograph is in focus, with a sensor's noise too; smeared over a face's eyes it is
    out of focus; and the more it is smeared, the lower the figure.
    """
    luma = photo(name)
    assert sharpness(seen(luma)) > 1.5 * LIMITS.blurred_below_pct
    assert sharpness(seen(luma, noise=2)) > 1.5 * LIMITS.blurred_below_pct
    steps = [sharpness(seen(luma, blur)) for blur in (0, 1, 2, 4, 6)]
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] < LIMITS.blurred_below_pct
    assert sharpness(seen(luma, 5, noise=1)) < LIMITS.blurred_below_pct


@pytest.mark.parametrize("size", [(320, 240), (640, 480)])
def test_the_figure_means_the_same_at_every_size(size: tuple[int, int]) -> None:
    """H1: a bound that an engineer sets holds for another format of the same camera."""
    assert 70 < sharpness(seen(photo("motorcycle_left.png", *size))) < 170


def test_a_wall_has_no_sharpness() -> None:
    """H1: where there is no edge nothing is claimed of the lens, however noisy the sensor."""
    for noise in (0, 3):
        assert measure(seen(np.full((480, 640), 140.0), noise=noise)).figures.sharpness_pct is None


@pytest.mark.parametrize(("level", "pct"), [(0, 0), (16, 0), (125.5, 50), (235, 100), (255, 100)])
def test_brightness_is_that_of_the_video_range(level: float, pct: float) -> None:
    """H1: black is 0 and white 100."""
    found = measure(seen(np.full((480, 640), level))).figures.brightness_pct
    assert found == pytest.approx(pct, abs=0.3)


def test_a_capped_lens_is_dark_and_a_dim_room_is_not() -> None:
    """H1: the default bound tells a cap, with its sensor's noise, from a photograph at a tenth of its light."""
    cap = measure(seen(np.full((480, 640), 16.0), noise=3)).figures
    assert cap.brightness_pct < LIMITS.dark_below_pct
    dim = (photo("coffee.png").astype(float) - 16) * 0.2 + 16
    assert measure(seen(dim, noise=2)).figures.brightness_pct > LIMITS.dark_below_pct


def test_blocks_are_where_they_say() -> None:
    """H1: block n is row n / 16, column n % 16: a light corner shows there and nowhere else, the soft half is soft."""
    luma = photo("motorcycle_left.png").astype(float)
    luma[:, 320:] = blurred(luma, 6)[:, 320:]
    luma[-56:, :42] = 235
    blocks = measure(seen(luma)).blocks
    assert len(blocks.brightness_pct) == len(blocks.sharpness_pct) == BLOCK_COLUMNS * BLOCK_ROWS
    assert blocks.brightness_pct[8 * 16] == max(blocks.brightness_pct) > 98
    halves = [
        [s for n, s in enumerate(blocks.sharpness_pct) if s is not None and (n % 16 < 7) is left and n % 16 != 7]
        for left in (True, False)
    ]
    assert np.median(halves[0]) > 2 * np.median(halves[1])


def test_still_is_counted_from_the_first_of_equal_pictures(until: Until) -> None:
    """H1: pictures alike to the bit are one picture, and for how long is said; noise of one level ends it."""
    meter = PictureMeter()
    luma = photo("coffee.png")

    def after(seconds: int, picture: Luma) -> float:
        meter.give(picture, (640, 480), 640, seconds * NS)
        until(lambda: meter.measured is not None and meter.measured.figures.at_ns == seconds * NS)
        assert meter.measured is not None
        return meter.measured.figures.still_s

    assert [after(n, luma) for n in (1, 2, 3)] == [0.0, 1.0, 2.0]
    moved = luma.copy()
    moved[2, 5] += 1
    assert [after(n, moved) for n in (4, 9)] == [0.0, 5.0]
    meter.close()


def test_a_picture_a_second_is_looked_at_and_none_is_kept(until: Until) -> None:
    """H1, R2: between two looks a second passes; the rows that were copied are let go of."""
    meter = PictureMeter()
    meter.give(photo("coffee.png"), (640, 480), 640, NS)
    assert not meter.due(NS + EVERY_NS - 1)
    assert meter.due(NS + EVERY_NS)
    until(lambda: meter.measured)
    assert meter._sample is None
    meter.close()


def test_a_plane_that_is_too_short_is_refused() -> None:
    """H1: a driver that promises more lines than it has is told so, and the meter lives on."""
    meter = PictureMeter()
    with pytest.raises(ValueError, match="buffer is smaller"):
        meter.give(bytes(100), (640, 480), 640, NS)
    meter.close()
