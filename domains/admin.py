"""Operators' pages of the domain tree, its rooms, its people and its keys."""

from __future__ import annotations

from domains.pages import (
    account_admin,
    domain_admin,
    lockout_admin,
    machine_room_admin,
    program_admin,
)

__all__ = ["account_admin", "domain_admin", "lockout_admin", "machine_room_admin", "program_admin"]
