"""What a custodian does with a sealed recording: a copy of it, checked, with what is known of what is missing."""
