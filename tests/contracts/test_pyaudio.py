# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The PyAudio driver beyond its contract: names, negotiation, stamps, silence on stderr, a sound server that hangs."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

import pytest
from typer.testing import CliRunner

from daemon.__main__ import app
from daemon.errors import DeviceError
from hardware import inputs, microphone
from hardware.microphone import PyAudioMicrophone, offers
from hardware.ports import AudioFormat, DeviceLost, PcmBlock
from hardware.quiet import without_noise
from simulators.clock import SimClock
from tests.pulse import PulseAudio
from tests.waiting import Until

PA_INT16 = 8


class Card:
    """PyAudio's face of a machine with such inputs: name -> (rates, most channels). No sound server refuses a rate."""

    def __init__(
        self, devices: dict[str, tuple[tuple[int, ...], int]], default: int | None = 0, error: int = 0
    ) -> None:
        self._devices, self._default, self._error = list(devices.items()), default, error

    def get_device_count(self) -> int:
        """How many."""
        return len(self._devices)

    def get_device_info_by_index(self, index: int) -> dict[str, Any]:
        """As PyAudio says it."""
        name, (rates, channels) = self._devices[index]
        return {"index": index, "name": name, "maxInputChannels": channels, "defaultSampleRate": float(rates[0])}

    def get_default_input_device_info(self) -> dict[str, Any]:
        """Raises as PyAudio does."""
        if self._default is None:
            raise OSError("No Default Input Device Available")
        return self.get_device_info_by_index(self._default)

    def is_format_supported(self, rate: int, *, input_device: int, input_channels: int, input_format: int) -> bool:
        """Raises as PyAudio does."""
        assert input_format == PA_INT16
        if self._error:
            raise ValueError("Device unavailable", self._error)
        if rate not in self._devices[input_device][1][0]:
            raise ValueError("Invalid sample rate", -9997)
        if input_channels > self._devices[input_device][1][1]:
            raise ValueError("Invalid number of channels", -9998)
        return True


USB = "USB PnP Sound Device: Audio (hw:1,0)"


@pytest.mark.parametrize(
    ("rates", "channels", "asked", "given"),
    [
        ((44_100, 48_000), 1, (48_000, 1), (48_000, 1)),
        ((44_100, 48_000), 1, (48_000, 2), (48_000, 1)),
        ((44_100,), 1, (48_000, 1), (44_100, 1)),
        ((44_100, 48_000), 2, (16_000, 1), (44_100, 1)),
        ((96_000, 48_000), 6, (16_000, 2), (48_000, 2)),
        ((16_000,), 1, (48_000, 2), (16_000, 1)),
    ],
)
def test_what_is_asked_and_not_there_becomes_what_is(
    rates: tuple[int, ...], channels: int, asked: tuple[int, int], given: tuple[int, int]
) -> None:
    """R5: rate and channels are what was asked where the card has them, else the nearest it has, and that is said."""
    card = Card({USB: (rates, channels)})
    one = inputs.choose(card, "USB")
    assert inputs.negotiate(card, one, AudioFormat(*asked), PA_INT16) == AudioFormat(*given, USB)


def test_a_card_with_no_rate_of_ours_is_named() -> None:
    """H1: an error says what the card has, and what was expected of it."""
    card = Card({USB: ((96_000,), 2)})
    with pytest.raises(DeviceError, match=r"has 2 channel\(s\) at 96000 Hz; expected one or two at 48000, 44100"):
        inputs.negotiate(card, inputs.choose(card, None), AudioFormat(48_000, 1), PA_INT16)


def test_a_card_that_somebody_else_has_is_not_called_unable() -> None:
    """H1: a card that is taken is told from one that cannot: nobody changes a rate in vain."""
    card = Card({USB: ((48_000,), 1)}, error=-9985)
    with pytest.raises(DeviceError, match="Device unavailable; expected one that is connected and that nobody else"):
        inputs.negotiate(card, inputs.choose(card, None), AudioFormat(48_000, 1), PA_INT16)
    (offer,) = [inputs.offer(card, one, PA_INT16) for one in inputs.inputs(card)]
    assert (offer.rates_hz, offer.channels) == ((), ())
    assert "Device unavailable" in offer.trouble


def test_a_name_finds_its_input() -> None:
    """H1: the whole name before a part of one; outputs are no inputs; what is not there is answered with what is."""
    card = Card({"HDMI": ((48_000,), 0), f"{USB} 2": ((48_000,), 1), USB: ((44_100,), 2)}, default=None)
    assert inputs.choose(card, USB).index == 2
    assert inputs.choose(card, "PnP").index == 1
    for name, told in (("Jabra", '"Jabra" is not there'), (None, "no default input")):
        with pytest.raises(DeviceError, match=told) as error:
            inputs.choose(card, name)
        assert str(error.value).endswith(f'these names: "{USB} 2", "{USB}"' if name else f'name: "{USB} 2", "{USB}"')
    with pytest.raises(DeviceError, match="no input at all"):
        inputs.choose(Card({}), "USB")


def test_an_engineer_is_told_what_there_is(pulse: PulseAudio, capfd: pytest.CaptureFixture[str]) -> None:
    """H1: every input of this machine with its rates and channels; and not a word of ALSA's or JACK's on stderr."""
    del pulse
    found = {offer.name: offer for offer in offers()}
    assert found["pulse"] == inputs.Offer("pulse", inputs.RATES_HZ, (1, 2))
    assert capfd.readouterr().err == ""


def test_the_command_lists_them(pulse: PulseAudio) -> None:
    """H1: `spreekkamer settings microphones` prints the names that unit.toml takes, for a person and for a machine."""
    del pulse
    shown = CliRunner().invoke(app, ["settings", "microphones"])
    assert any(line.split()[:1] == ["pulse"] for line in shown.output.splitlines()), shown.output
    listed = json.loads(CliRunner().invoke(app, ["settings", "microphones", "--json"]).output)
    assert {"name": "pulse", "rates_hz": list(inputs.RATES_HZ), "channels": [1, 2], "trouble": ""} in listed


def test_a_name_that_is_not_there_is_answered_with_the_list(
    pulse: PulseAudio, clock: SimClock, capfd: pytest.CaptureFixture[str]
) -> None:
    """H1: the error of a start lists the machine's inputs, leaves nothing open, and is all that is said."""
    del pulse
    device = PyAudioMicrophone("Jabra", 48_000, 1, clock)
    for _ in range(2):
        with pytest.raises(DeviceError, match=r'microphone "Jabra" is not there; expected a part of .*"pulse"'):
            device.start(_nowhere)
    assert capfd.readouterr().err == ""


def test_others_keep_their_words(capfd: pytest.CaptureFixture[str]) -> None:
    """H1: what another thread writes to stderr while noise is kept out comes out, each line once; noise does not."""
    over = threading.Event()
    wanted: list[bytes] = []

    def speak() -> None:
        while not over.is_set():
            wanted.append(b"line %d\n" % len(wanted))
            os.write(2, wanted[-1])
            time.sleep(0.0002)

    thread = threading.Thread(target=speak)
    thread.start()
    for _ in range(20):
        with without_noise():
            os.write(2, b"ALSA lib confmisc.c:855:(parse_card) cannot find card '0'\n")
            os.write(2, b"jack server is not running or cannot be started\n\n")
            time.sleep(0.002)
    over.set()
    thread.join()
    assert len(wanted) > 20
    assert sorted(capfd.readouterr().err.encode().splitlines(keepends=True)) == sorted(wanted)


def test_an_error_inside_leaves_stderr_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    """H1: whatever happens meanwhile, stderr is stderr again afterwards."""
    with pytest.raises(DeviceError), without_noise():
        raise DeviceError("no microphone")
    os.write(2, b"ALSA lib is a word like any other now\n")
    assert capfd.readouterr().err == "ALSA lib is a word like any other now\n"


def test_a_sound_server_that_hangs_is_not_waited_for(
    pulse: PulseAudio, clock: SimClock, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A2, R5: a start that does not come back within 5 s is an error like any other, and the next says so at once: the
    image goes on. When the server answers again the start that came too late is undone, and the microphone opens.
    """
    device, got = PyAudioMicrophone("pulse", 48_000, 1, clock), list[Any]()
    pulse.hang(on=True)
    try:
        with pytest.raises(DeviceError, match="the sound system does not answer"):
            device.start(got.append)
        device.stop()
        with monkeypatch.context() as patch:
            patch.setattr(microphone, "within", None)  # nothing is waited for
            with pytest.raises(DeviceError, match="the sound system does not answer"):
                device.start(got.append)
        device.stop()
    finally:
        pulse.hang(on=False)
    until(lambda: not device._left)
    device.start(got.append)
    until(lambda: got)
    device.stop()
    assert all(isinstance(item, PcmBlock) for item in got)


def test_one_call_at_a_time_is_in_portaudio(
    pulse: PulseAudio, clock: SimClock, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A2, R5: PortAudio may be called by one thread at a time, and one that its caller has abandoned is still in it: a
    second start waits for it, as for a server that hangs, and does not end the process.
    """
    devices, got = [PyAudioMicrophone("pulse", 48_000, 1, clock) for _ in range(4)], list[Any]()
    pulse.hang(on=True)
    try:
        with monkeypatch.context() as patience:
            patience.setattr(microphone, "START_S", 1.0)  # a start that is to succeed may take longer
            for device in devices:
                with pytest.raises(DeviceError, match="the sound system does not answer"):
                    device.start(got.append)
    finally:
        pulse.hang(on=False)
    until(lambda: not any(device._left for device in devices))
    devices[0].start(got.append)
    until(lambda: got)
    devices[0].stop()


def test_a_sink_that_fails_ends_the_delivery(pulse: PulseAudio, clock: SimClock, until: Until) -> None:
    """R5: an error in the sink stays out of PortAudio's thread: the sink hears of it once, and gets nothing more."""
    del pulse
    got: list[PcmBlock | DeviceLost] = []

    def sink(item: PcmBlock | DeviceLost) -> None:
        got.append(item)
        if not isinstance(item, DeviceLost):
            raise MemoryError("full")  # noqa: TRY004 - any error will do

    device = PyAudioMicrophone("pulse", 16_000, 1, clock)
    device.start(sink)
    until(lambda: got and isinstance(got[-1], DeviceLost))
    device.stop()
    assert [type(item) for item in got] == [PcmBlock, DeviceLost]
    assert "MemoryError: full" in str(got[-1])


NS = 1_000_000_000


@pytest.mark.parametrize(
    ("current_s", "adc_s", "age_ns"),
    [
        ("monotonic", -0.08, 80_000_000),
        ("wall", -0.08, 80_000_000),
        ("monotonic", -22.0, 22 * NS),
        ("monotonic", -0.001, 20_000_000),
        ("monotonic", None, 20_000_000),
        ("foreign", -0.08, 80_000_000),
        ("foreign", None, 20_000_000),
    ],
)
@pytest.mark.parametrize("waited_s", [0.0, 0.4])
def test_a_stamp_is_portaudios_where_it_can_be(
    current_s: str, adc_s: float | None, age_ns: int, waited_s: float, clock: SimClock
) -> None:
    """R5: a block's time is the converter's by PortAudio's clock, whichever that is; what its thread waited for
    Python's lock is taken off; a stamp that cannot be is not used.
    """
    device = PyAudioMicrophone(None, 48_000, 1, clock)
    now_s = {"monotonic": time.monotonic(), "wall": time.time(), "foreign": 12.5e9}[current_s] - waited_s
    times = {"current_time": now_s, "input_buffer_adc_time": 0.0 if adc_s is None else now_s + adc_s}
    boot_ns = clock.boot_ns()
    waited_ns = 0 if current_s == "foreign" else round(waited_s * NS)
    assert boot_ns - device._first_sample_ns(960, times)[0] == pytest.approx(age_ns + waited_ns, abs=10_000_000)


def test_an_overflow_is_passed_on(clock: SimClock) -> None:
    """R5: PortAudio's word for lost samples reaches the block. Staged: PulseAudio loses without saying so."""
    device = PyAudioMicrophone(None, 48_000, 1, clock)
    got: list[Any] = []
    device._sink, device._overflow_flag = got.append, 2
    times = {"current_time": time.monotonic(), "input_buffer_adc_time": time.monotonic() - 0.02}
    for flags in (0, 2, 0):
        assert device._took(bytes(1920), 960, times, flags) == (None, 0)
    assert [block.overflow for block in got] == [False, True, False]


def test_without_pyaudio_it_says_what_to_install(clock: SimClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """H1: a machine without the packages is told which."""
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    with pytest.raises(DeviceError, match="expected the packages PyAudio and libportaudio2"):
        PyAudioMicrophone(None, 48_000, 1, clock).start(_nowhere)
    with pytest.raises(DeviceError, match="expected the packages"):
        microphone.offers()


def _nowhere(_: object) -> None:
    pass
