# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Speech for tests, and whether what was recorded is what was said."""

from __future__ import annotations

import random
import wave
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

SPEECH = Path("/usr/share/sounds/alsa")
RATE_HZ = 16_000
Wave = NDArray[np.float64]


def speech(path: Path, seconds: float, pauses_s: tuple[float, float] = (0.1, 0.8)) -> Path:
    """A spoken WAV of 48 kHz: alsa-utils' voices in a shuffled order with pauses of other lengths: no part repeats."""
    dice = random.Random(2020)
    voices = sorted(SPEECH.glob("*_*.wav"))
    assert voices, f"no speech in {SPEECH}: install alsa-utils"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        while out.tell() < seconds * 48_000:
            with wave.open(str(dice.choice(voices))) as voice:
                out.writeframes(voice.readframes(voice.getnframes()))
            out.writeframes(b"\0\0" * round(dice.uniform(*pauses_s) * 48_000))
    return path


def samples(file: Path) -> Wave:
    """All sound of a file as one channel of 16 kHz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(str(file)) as opened:
        blocks = [part.to_ndarray()[0] for frame in opened.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate(blocks).astype(np.float64)


def sounds_like(part: Wave, whole: Wave) -> tuple[float, float]:
    """How like a part of the whole it is, 0 to 1, and at which second of the whole it is the most so."""
    n = 1 << (len(part) + len(whole)).bit_length()
    spectrum = np.fft.rfft(whole, n) * np.conj(np.fft.rfft(part, n))
    at = int(np.fft.irfft(spectrum, n)[: len(whole) - len(part)].argmax())
    same = whole[at : at + len(part)]
    return float(same @ part / np.sqrt((same @ same) * (part @ part) + 1)), at / RATE_HZ


def spoken_again(part: Wave, whole: Wave) -> tuple[float, Wave]:
    """For sound whose clock wanders by milliseconds: how like the whole each loud quarter of a second of the part is
    (the median, 0 to 1), and how many seconds later in the whole each of them stands.

    Where to look is told by loudness in steps of 10 ms; each quarter of a second is then sought within 60 ms.
    """
    loudness = [np.sqrt(np.add.reduceat(wave**2, range(0, len(wave), RATE_HZ // 100))) for wave in (part, whole)]
    match = np.correlate(loudness[1] - loudness[1].mean(), loudness[0] - loudness[0].mean())
    shift, wide = int(match.argmax()) * RATE_HZ // 100, RATE_HZ * 6 // 100
    likenesses, shifts = [], []
    for at in range(0, len(part) - RATE_HZ // 4, RATE_HZ // 4):
        piece, first = part[at : at + RATE_HZ // 4], max(0, at + shift - wide)
        if np.abs(piece).max() > 2_000:
            likeness, found_s = sounds_like(piece, whole[first : at + shift + wide + len(piece)])
            likenesses.append(likeness)
            shifts.append(found_s + (first - at) / RATE_HZ)
    return float(np.median(likenesses)), np.array(shifts)
