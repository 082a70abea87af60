"""The recovery mode of a platform says who decides on a takeover: agents, an operator, or nobody.

It is set in the domain tree, and copied at the core (the deployment where the tree is changed) to the
register of owners, which the agents read.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from domains.models import PlatformDomain
from failover.data import register_view
from failover.rules.cell_facts import Mode
from foundation.cells.directory import own_platform

log = logging.getLogger("failover.modes")


def copy_modes() -> None:
    """Copy the platforms' recovery modes that have changed in the domain tree to the register, for the agents.

    If the register does not answer, that is only logged; a timer tries again.
    """
    if not register_view.has_register():
        return
    try:
        rows = register_view.read().rows
        wanted = dict(PlatformDomain.objects.values_list("moid", "dr_mode"))
        for platform, row in rows.items():
            mode = Mode(wanted.get(platform, row.mode))
            if mode is not row.mode:
                because = f"the tree says: mode {mode}"
                register_view.write_mode_and_request(
                    row, replace(row, mode=mode), "mode", own_platform(), because
                )
    except register_view.Failure as error:
        log.warning("the register is away: %s", error)
