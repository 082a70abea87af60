"""What happens, in order: one file per flow, each load -> decide -> commit."""


def register() -> None:
    """Import all flows, so that their handlers are known."""
    from conferences.flows import (  # noqa: F401
        call_record,
        control,
        create,
        end,
        extend,
        forward,
        lists,
        rename,
        restore,
        sync,
    )
