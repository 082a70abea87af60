"""The auth backend of the clients' broker decides about each step of a client, by names alone."""
