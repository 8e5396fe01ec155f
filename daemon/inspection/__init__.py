"""What a recording looks like from outside: for the keeper that walks its store, and for whoever got a copy."""
