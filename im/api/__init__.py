"""The HTTP API under `/api/v1/im/`; each of its views calls one function of `flows` or one query."""
