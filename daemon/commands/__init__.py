"""The words of the operator's command that have a file of their own; `daemon/__main__.py` puts them together."""
