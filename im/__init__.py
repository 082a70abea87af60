"""Instant messages: people's clients speak with the broker themselves, the center stores, orders and passes on."""
