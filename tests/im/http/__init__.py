"""The HTTP side of instant messaging, on a real database, without a broker."""
