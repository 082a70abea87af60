"""The tests compare every page, route and message with the table of rights: who sees what, who does what."""
