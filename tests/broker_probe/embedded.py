# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The simulator's amqtt as a process of its own, which can be killed: python -m tests.broker_probe.embedded PORT."""

from __future__ import annotations

import sys
import threading

from simulators.broker import EmbeddedBroker

if __name__ == "__main__":
    EmbeddedBroker(port=int(sys.argv[1])).start()
    threading.Event().wait()
