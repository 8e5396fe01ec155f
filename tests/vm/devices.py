# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the machine's devices need so that the three services run on them: settings, a sound, patience."""

from __future__ import annotations

from daemon.recorder import usable
from tests.vm.machine import PYTHON, Machine

MICROPHONE = "Loopback: PCM (hw:0,1)"
RATE_HZ = 16_000
"""AAC at 48 kHz takes a processor in software, whose floating point is in software too, longer than the sound lasts."""
VIVID = "vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0x0"
SETTINGS = f"""
[camera]
kind = "usb"
device = "/dev/video0"
width = 320
height = 240
fps = 5
bitrate_bps = 200000
dark_below_pct = 0.0
blurred_below_pct = 0.0
[microphone]
device = "{MICROPHONE}"
rate_hz = {RATE_HZ}
[recorder]
free_bytes_min = 100000000
"""
"""Tables of unit.toml: `vivid` as the camera, the sound card that plays to itself as the microphone."""
SLOW = "[Service]\nTimeoutStartSec=600\nWatchdogSec=120\n"
"""A processor in software takes longer than 30 s to start a Python beside other work, and than 10 s for a turn."""
LATE = {usable.FEW, usable.NONE}
"""The recorder's words where frames come and their segments do not, or late: a processor in software is too slow."""
UNITS = ("spreekkamer-alarm", "spreekkamer-keeper", "spreekkamer-recorder")
PLAYS = "while :; do aplay -q -D plughw:Loopback,0,0 /srv/tone.wav; done"
_TONE = f"""
import math, struct, wave
with wave.open("/srv/tone.wav", "wb") as out:
    out.setnchannels(1); out.setsampwidth(2); out.setframerate({RATE_HZ})
    out.writeframes(b"".join(struct.pack("<h", round(3000 * math.sin(n / 7))) for n in range({10 * RATE_HZ})))
"""


def make_tone(machine: Machine) -> None:
    """What `PLAYS` plays: silence would be a fault."""
    machine.run(PYTHON, "-c", _TONE)


def be_patient(machine: Machine) -> None:
    """Drop-ins with the patience that all three need here."""
    for unit in UNITS:
        machine.put(f"/etc/systemd/system/{unit}.service.d/slow.conf", SLOW)
    machine.run("systemctl", "daemon-reload")
