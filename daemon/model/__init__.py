# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The functional core: values in, values out. No clock, thread, file, socket or log; `now_ns` is an argument."""
