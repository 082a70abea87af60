"""What happens to licences, in order: one file per flow."""


def register() -> None:
    """Import all flows, so that their handlers are known."""
    from licensing.flows import load, publish, revoke  # noqa: F401
