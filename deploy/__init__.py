"""What brings a unit onto its machine. Nothing of it is installed there but what it builds."""
