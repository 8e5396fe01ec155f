"""`spreekkamer check`: walks an engineer through a room. It asks the unit's processes, and shows no content."""
