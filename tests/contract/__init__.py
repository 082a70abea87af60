"""The wire, written down a second time: one golden body per message type, and the table of routes."""
