"""The door of the clients' broker: it asks us about each step of a client, and we answer by name rules."""
