# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The outside world: pins, camera, microphone, clock, disk. Only this code names their libraries."""
