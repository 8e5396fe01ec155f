# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The words of the operator's command that have a file of their own; `daemon/__main__.py` puts them together."""
