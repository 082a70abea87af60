"""Instant messaging beside ejabberd and Prosody: one load for all, light clients, costs by process."""
