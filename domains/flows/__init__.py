"""What happens to domains, in order: one file per flow."""


def register() -> None:
    """Import the flows that take messages, so that their handlers are known."""
    from domains.flows import follow, sync  # noqa: F401
