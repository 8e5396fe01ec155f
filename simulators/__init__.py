# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A room without hardware: the ports' simulated devices, a broker and the contacts that a finger or a fault moves."""
