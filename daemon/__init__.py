"""The room unit's three processes and its operator's command."""
