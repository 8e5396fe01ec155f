"""A room without hardware: the ports' simulated devices, a broker and the contacts that a finger or a fault moves."""
