# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The Debian packages: `python -m deploy.deb`, or `make deb`. README.md beside this file says how they are built."""
