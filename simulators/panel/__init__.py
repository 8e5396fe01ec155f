# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The tester's room: a page that shows a simulated room, with hands to press, pull and wait in it.

`facts` reads what any program could read (sockets, files, the broker, the processes' own logs). `acts` lists what the
page may do, all of it to the simulator and none of it to the unit. `server` is the small web server on 127.0.0.1.
`web/` is the page: plain HTML, CSS and JavaScript modules.
"""
