"""The module loads the admin pages of domains, machine rooms, accounts and API keys, which Django looks for here."""

from __future__ import annotations

from domains.pages import (
    account_admin,
    department_admin,
    domain_admin,
    lockout_admin,
    machine_room_admin,
    program_admin,
)

__all__ = [
    "account_admin",
    "department_admin",
    "domain_admin",
    "lockout_admin",
    "machine_room_admin",
    "program_admin",
]
