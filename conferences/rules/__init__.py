"""The rules: what should be done about what happened. Pure: facts come in as arguments."""
