"""The process that sees and hears: it seals what it holds, writes only under a lit lamp, and has no network."""
