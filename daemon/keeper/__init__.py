"""The process that keeps and deletes: it has no network, no device and no key that opens."""
