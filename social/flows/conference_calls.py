"""A conference that calls people of its tenant lets them ring, as a call between two people does.

Whoever answers enters the conference. It goes on when they hang up.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection

from django.conf import settings
from django.db import Error

from conferences.data.queries import carries_call, live_by_number
from conferences.rules.states import Conference
from domains.data.lookups import accounts_by_name
from foundation import clock
from foundation.cells.directory import store_of
from im.data import journal, people
from im.data.locked_conversation import Denied
from im.data.people import Person
from social.flows.calls import CallRefused, Summons, summon

log = logging.getLogger("social.calls")


def ring_people(e164: str, accounts: Collection[str]) -> None:
    """Call those of these accounts that are people of the conference's tenant; all others are left to the media unit."""
    c = live_by_number(e164)
    if "im" not in settings.ROLES or c is None or carries_call(c):
        return
    store, now = store_of(c.source_platform), clock.now()
    moids = accounts_by_name(c.source_platform, c.user_domain, accounts).values()
    creator = people.people_by_id(store, [c.creator_moid]).get(c.creator_moid)
    me = creator or Person("", c.name[:64], c.user_domain)
    for moid in dict.fromkeys(moids):
        try:
            summon(store, me, moid, _summons(c), now)
        except (Denied, CallRefused, journal.NotServedHere, journal.ReadOnly, Error) as error:
            log.warning("conference %s does not ring %s: %s", e164, moid, error)


def _summons(c: Conference) -> Summons:
    """Return what the calls of a conference have in common; the session follows from its id."""
    digest = hashlib.sha256(c.confid.encode()).digest()
    session = int.from_bytes(digest[:8]) >> 1
    return Summons(session, c.user_domain, c.e164, c.confid)
