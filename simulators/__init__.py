# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A room without hardware: simulated devices for the ports, a broker, and contacts moved by a finger or a fault."""
