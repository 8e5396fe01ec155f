# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The parts of the operator's command that have their own file; `daemon/__main__.py` puts them together."""
