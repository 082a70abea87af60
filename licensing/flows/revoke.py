"""An operator takes a licence back: no new conferences, running ones go on (licensing.md).

CSS -> platform  PLATFORM_LICENSE_NTF
BMC -> CSS       BMC_CSS_LICENSE_NTF
"""

from __future__ import annotations

from foundation.bus import wake_up
from foundation.bus.unit_of_work import begin
from licensing.data import commit
from licensing.data.unit_of_work import LicensingUnitOfWork


def revoke(platform: str, of: str, issue: int) -> bool:
    """Revoke an issue of platform `of`.

    `False` means that it is not the issue that counts, is revoked already, or that another site serves the platform now.
    """
    with begin(platform) as uow:
        licensing = uow.part(LicensingUnitOfWork)
        newest = licensing.newest(of)
        if (
            not licensing.is_open
            or newest is None
            or newest.issue != issue
            or newest.revoked_at is not None
        ):
            return False
        commit.revoke(licensing, newest)
    wake_up.everywhere(platform)
    return True
