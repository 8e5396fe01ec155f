"""The process that staff depend on: buttons, lamps, journal, network. It loads no media and needs nobody."""
