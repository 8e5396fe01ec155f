"""The rules that the table in `room.py` names, a file a subject."""
