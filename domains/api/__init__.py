"""The HTTP API for tokens and logins of client applications, and OAuth2."""
