"""Define the flow that notifies people of events at a site: a takeover, licence warnings, messages that failed.

See IM §10.2, keys `event` and `m_.<id>`. Everybody who is online hears that another site has begun to serve a
platform. Operators also hear of what they have to look after: takeovers, licences, messages that could not be
handled. A timer looks at the present state and compares it with the state that was published last, which lies in
Redis: `im:told:<platform>`, a hash by kind of news. Without Redis nothing is published.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import orjson
import redis
from django.conf import settings
from django.db import transaction

from domains.data import hooks
from domains.models import Account
from foundation import clock
from foundation.bus.parked_messages import count_undecided
from foundation.cells.directory import own_platform, redis_of, store_of
from foundation.cells.serving import read
from im.data import notices
from im.data.plugins import switches
from im.rules.broker_permissions import manager_key
from im.rules.messages import wire_time
from im.rules.routing import Publication
from im.rules.topology import BASE
from im.rules.vocabulary import KEYS_A_PUBLISH, Cmd

log = logging.getLogger("im.news")

EVERYBODY = "event"
MOST_COUNTED = 1000


def publish_site_news(platform: str) -> None:
    """Publish what has changed in a platform's state at this site since the last call, and store the state in Redis.

    The first call only stores the state. Nothing is published while Redis is away.
    """
    news = _news_by_kind(platform)
    client, key = redis_of(own_platform()), f"im:told:{platform}"
    try:
        published = {str(name): str(value) for name, value in client.hgetall(key).items()}
        # Without a stored state this is the first call, which publishes nothing.
        changed = {
            name: text for name, text in news.items() if published and published.get(name) != text
        }
        if changed:
            _stage_news(platform, changed)
        if news != published:
            client.hset(key, items=[part for item in news.items() for part in item])
    except redis.RedisError as error:
        log.warning("news are not told while Redis is away: %s", error)


def _news_by_kind(platform: str) -> dict[str, str]:
    """Return a platform's state: kind of news -> text to publish; "" means that there is nothing to report.

    The kinds are which site serves it, licence warnings, messages that could not be handled, and plugins that failed.
    """
    database = store_of(platform).database
    serving, parked = read(platform), count_undecided(database, MOST_COUNTED)
    out = switches.faults(database)
    return {
        "served": f"{settings.SITE_NAME} {serving.epoch}" if serving else "",
        "licence": "; ".join(filter(None, map(str, hooks.OPERATOR_WARNINGS.call(platform)))),
        "parked": f"{parked} message(s) could not be handled" if parked else "",
        "plugins": "; ".join(f"{name} was put out: {fault}" for name, fault in out.items()),
    }


def _stage_news(platform: str, changed: dict[str, str]) -> None:
    """Store in the outbox the messages that report what has changed; `changed`: kind of news -> text.

    Operators get all news; everybody's clients learn only which site takes requests for the platform ("served").
    """
    store, at = store_of(platform), wire_time(clock.now())
    publications: list[Publication] = []
    with transaction.atomic(using=store.database):
        for kind, text in changed.items():
            data = {"what": kind, "platform": platform, "site": settings.SITE_NAME, "at": at}
            if kind == "served":
                body = orjson.dumps({"cmd": Cmd.EVENT.value, "data": data})
                publications.append(Publication(BASE, EVERYBODY, body))
            body = orjson.dumps({"cmd": Cmd.NOTICE.value, "data": {**data, "text": text}})
            publications += _operator_publication(store.database, body)
        notices.stage_messages(store, publications)


def _operator_publication(database: str, body: bytes) -> Iterator[Publication]:
    """Yield one message for the client applications of operators: all active superusers, at most KEYS_A_PUBLISH.

    It is published once, for all of their routing keys. Nothing is yielded if there are no operators.
    """
    operators = Account.objects.using(database).filter(is_superuser=True, is_active=True)
    keys = [manager_key(moid) for moid in operators.values_list("moid", flat=True)[:KEYS_A_PUBLISH]]
    if keys:
        # An AMQP message has one routing key of its own; the broker reads the others from the header BCC.
        first_key, *further_keys = keys
        yield Publication(BASE, first_key, body, bcc=tuple(further_keys))
