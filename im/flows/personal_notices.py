"""A person is told by a notice of what concerns them alone, for instance that a conference which they booked begins.

A notice is for devices that are online: it is not stored, and what it tells is also on a page and in the API.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from domains.rules.personal_notices import PersonalNotice
from foundation import clock
from foundation.cells.directory import store_of
from im.data import notices, presence_store
from im.rules.messages import wire_time
from im.rules.routing import Publication, keys_of
from im.rules.topology import BASE
from im.rules.vocabulary import KEYS_A_PUBLISH, Cmd


def stage_personal(platform: str, personal: Sequence[PersonalNotice]) -> None:
    """Store notices to single people in the outbox, in the caller's transaction; those who are offline get none.

    `platform` is the one in whose data the outbox lies.
    """
    protocols = presence_store.protocols_of_online(
        {notice.account for notice in personal}, clock.now().timestamp()
    )
    publications = [
        publication
        for notice in personal
        if notice.account in protocols
        for publication in _publications(notice, protocols[notice.account])
    ]
    if publications:
        notices.stage_messages(store_of(platform), publications)


def _publications(notice: PersonalNotice, protocols: str) -> Iterator[Publication]:
    """Yield the messages that bring a notice to the devices of its person.

    `protocols` is "a" (AMQP, STOMP), "m" (MQTT) or "am".
    """
    data = {"what": notice.what, "at": wire_time(clock.now()), **notice.data}
    body = orjson.dumps({"cmd": Cmd.NOTICE.value, "data": data})
    keys = keys_of({notice.account: protocols})
    for first in range(0, len(keys), KEYS_A_PUBLISH):
        key, *further_keys = keys[first : first + KEYS_A_PUBLISH]
        yield Publication(BASE, key, body, tuple(further_keys))
