"""Contacts, cards, circles and moments over HTTP, on a real database, without a broker."""
