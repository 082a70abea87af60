"""An operator moves a conference off its media unit; it is then restored like after a loss (restore.py).

CSS -> CMU  MAU_MCU_RELEASECONF_CMD
CSS -> CM   MAU_CM_CONFRESTORE_NTF
CSS -> UPU  CSS_UPU_DELCONF_NTF
CSS -> RMS  GET_RES_REQ
"""

from __future__ import annotations

from conferences.data.commit import commit
from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.rules.move import decide_move
from foundation.bus.unit_of_work import begin


def move_conference(platform: str, e164: str) -> bool:
    """Take the running conference with this number off its media unit, and request another unit for it; return True.

    Returns False, and changes nothing, if no such conference runs, or another site may write the platform's data now.
    """
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        conference = conferences.load(e164) if uow.is_open else None
        decision = decide_move(conference, uow.now) if conference else None
        if decision is not None:
            commit(conferences, decision)
    return decision is not None and decision.after is not None
