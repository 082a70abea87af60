"""A conference calls people of its tenant: their devices ring as for a call between two people.

People who answer enter the conference. It goes on when they hang up.
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
from social.flows.calls import CallingConference, CallRefused, call_from_conference

log = logging.getLogger("social.calls")


def ring_people(e164: str, accounts: Collection[str]) -> None:
    """Ring the devices of those of these accounts that belong to people of the conference's tenant.

    `accounts`: sign-in names or MOIDs. The media unit calls all others, such as telephones. No device rings at a site
    without instant messages, or for a conference that has ended or carries a call of two people.
    """
    conference = live_by_number(e164)
    if "im" not in settings.ROLES or conference is None or carries_call(conference):
        return
    platform, tenant = conference.source_platform, conference.user_domain
    store, now = store_of(platform), clock.now()
    moids = accounts_by_name(platform, tenant, accounts).values()
    creator_id = conference.creator_moid
    creator = people.people_by_id(store, [creator_id]).get(creator_id)
    caller = creator or Person("", conference.name[:64], tenant)
    calling = _calling_conference(conference)
    for moid in dict.fromkeys(moids):
        try:
            call_from_conference(store, caller, moid, calling, now)
        except (Denied, CallRefused, journal.NotServedHere, journal.ReadOnly, Error) as error:
            log.warning("conference %s does not ring %s: %s", e164, moid, error)


def _calling_conference(conference: Conference) -> CallingConference:
    """Return the values that all calls of a conference have in common; the session is computed from its id."""
    digest = hashlib.sha256(conference.confid.encode()).digest()
    session = int.from_bytes(digest[:8]) >> 1
    return CallingConference(session, conference.user_domain, conference.e164, conference.confid)
