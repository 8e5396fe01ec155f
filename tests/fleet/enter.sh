#!/bin/sh
# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

# Stands for ssh in tests/fleet/test_rollout.py, for Ansible's own connection: its last two words are a host and a command. The
# host is a container, whose first process stands in a file of its name in LEADERS; without a file it is away.
while [ $# -gt 2 ]; do shift; done
leader=$(cat "$LEADERS/$1" 2>/dev/null) || { echo "ssh: connect to host $1 port 22: No route to host" >&2; exit 255; }
exec nsenter --target "$leader" --all -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh -c "$2"
