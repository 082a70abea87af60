"""Flows of failover; importing them registers their handlers."""

from __future__ import annotations


def register() -> None:
    """Import every flow."""
    from failover.flows import platforms, rooms  # noqa: F401
