"""The HTTP API for tokens and logins of programs, and OAuth2."""
