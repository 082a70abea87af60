"""An operator revokes a licence: no conference can be created, running ones go on (licensing.md).

CSS -> platform  PLATFORM_LICENSE_NTF
BMC -> CSS       BMC_CSS_LICENSE_NTF
"""

from __future__ import annotations

from foundation.bus.unit_of_work import begin
from licensing.data import commit
from licensing.data.unit_of_work import LicensingUnitOfWork


def revoke_licence(own_platform: str, licensed_platform: str, issue: int) -> bool:
    """Revoke an issue (edition) of a platform's licence; return whether that changed anything.

    `False` means that it is not the newest issue, is revoked already, or that another site serves
    our own platform now, in whose database the licence lies.
    """
    with begin(own_platform) as uow:
        licensing = uow.part(LicensingUnitOfWork)
        newest = licensing.newest(licensed_platform)
        if (
            not licensing.is_open
            or newest is None
            or newest.issue != issue
            or newest.revoked_at is not None
        ):
            return False
        commit.revoke_licence(licensing, newest)
    return True
