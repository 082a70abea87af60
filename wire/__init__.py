"""Every message that conferences send or receive, by the party that CSS speaks with."""
