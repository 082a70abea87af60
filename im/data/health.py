"""The health of instant messaging, as `manage.py doctor`, `/readyz` and `/metrics` report it.

A message center records its progress in Redis: that a batch is stored, published and acknowledged, or that nothing
waits. So a center that runs without handling messages is found as well as one that is dead. The record is a key that
expires; its remaining time says how old it is, so no two machines have to agree about the time.

| key | content |
---|---|
| `im:center:<name>` | "1", for KEPT_SECONDS since the center's last progress |
| `im:center:<name>:taken` | the center that has taken messages and not acknowledged all of them |
"""

from __future__ import annotations

import socket
from collections.abc import Iterable

import redis
from django.conf import settings
from prometheus_client.core import GaugeMetricFamily

from foundation.bus.management_api import BrokerUnavailable
from foundation.cells.directory import own_platform, redis_of
from foundation.web.findings import Finding, find_alarms, find_missing_limits
from im.data import broker
from im.rules import topology
from im.rules.stages import StageName, member_name, members_of_chains, stage_queue

KEPT_SECONDS = 3600
STALLED_SECONDS = 15.0
"""A center without progress for longer is stalled: it stores a batch in milliseconds, and looks every 2 s."""


def note_progress(name: str) -> None:
    """Record that the message center `name` has handled messages or has none to handle. Raises redis.RedisError."""
    redis_of(own_platform()).set(_progress_key(name), 1, ex=KEPT_SECONDS)


def mark_unacknowledged(name: str, center: str) -> None:
    """Record that a process has received messages and not acknowledged them yet. Raises redis.RedisError.

    `name` is its message center's, for which a second process may wait to take over; `center` is the process's own id.
    """
    redis_of(own_platform()).set(_unacknowledged_key(name), center, ex=KEPT_SECONDS)


def clear_unacknowledged(name: str, center: str) -> None:
    """Record that the process `center` has acknowledged all messages that it received. Raises redis.RedisError."""
    if not has_other_unacknowledged(name, center):
        redis_of(own_platform()).delete(_unacknowledged_key(name))


def has_other_unacknowledged(name: str, center: str) -> bool:
    """Return whether another process of the message center `name` than `center` has unacknowledged messages.

    To the process that waits to take over, the queue then looks empty, which says nothing about progress. Raises
    redis.RedisError.
    """
    holder = redis_of(own_platform()).get(_unacknowledged_key(name))
    return holder is not None and str(holder) != center


def seconds_without_progress() -> dict[str, float]:
    """Return, by name, for each message center or stage the seconds since its last progress, at most KEPT_SECONDS.

    Raises redis.RedisError.
    """
    return seconds_without_progress_of(
        member_name(number, stage) for number, stage in _center_processes()
    )


def seconds_without_progress_of(names: Iterable[str]) -> dict[str, float]:
    """Return, by name, for each of these processes the seconds since its last progress, at most KEPT_SECONDS.

    They may be message centers, stages of them, or plugins. Raises redis.RedisError.
    """
    asked = [*names]
    with redis_of(own_platform()).pipeline(transaction=False) as pipe:
        for name in asked:
            pipe.pttl(_progress_key(name))
        left = pipe.execute()
    ages = (KEPT_SECONDS - max(0, milliseconds) / 1000 for milliseconds in left)
    return dict(zip(asked, ages, strict=True))


def _center_processes() -> list[tuple[int, StageName | None]]:
    """Return (center's number, stage) of each process that this site's message centers need; `None`: all stages."""
    return members_of_chains(settings.IM_CENTERS, distributed=is_distributed())


def is_distributed() -> bool:
    """Return whether each stage of a message center is a process of its own."""
    return bool(settings.IM_STAGES == "distributed")


def why_stalled() -> str:
    """Return, for `/readyz`, which message centers handle no messages, and for how long.

    `""` if none, or if Redis cannot be reached.
    """
    try:
        return "; ".join(_sentences_about_stalled().values())
    except redis.RedisError:
        return ""


def findings() -> list[Finding]:
    """Check the clients' broker and the message centers for `manage.py doctor`; return a finding for each check.

    Message centers are the processes that store what clients send; each may be divided into stages (steps). If Redis
    cannot be reached, no center counts as stalled here: another check reports Redis.
    """
    try:
        stalled = _sentences_about_stalled()
    except redis.RedisError:
        stalled = {}
    return [
        *(_finding_about(number, stage, stalled) for number, stage in _center_processes()),
        *_messages_between_stages(),
        find_missing_limits(
            "limits of clients' queues",
            settings.IM_MANAGEMENT_URL,
            settings.IM_AMQP_URL,
            broker.LIMITS,
        ),
        find_alarms("alarms of the clients' broker", settings.IM_MANAGEMENT_URL),
        *([_xmpp_finding()] if settings.XMPP_DOMAIN else []),
    ]


def _xmpp_finding() -> Finding:
    """Return the finding whether the bridge to XMPP clients answers: it opens its socket once ejabberd accepts it."""
    todo = "start manage.py im_xmpp and ejabberd; the log of the bridge says what it waits for"
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(2)
            link.connect(settings.XMPP_SOCKET)
    except OSError as error:
        return Finding("bridge to XMPP", f"does not answer: {type(error).__name__}", todo)
    return Finding("bridge to XMPP", "", todo)


def _finding_about(number: int, stage: StageName | None, stalled: dict[str, str]) -> Finding:
    """Return the finding whether the message center `number` makes progress, and what to do if not.

    `stage` is one step of a center that runs as a process of its own; `None` means that one process runs all steps.
    `stalled`: name of a process without progress -> sentence about it.
    """
    name = member_name(number, stage)
    options = f"--number {number}" + (f" --stage {stage}" if stage else "")
    todo = f"start manage.py im_center {options}; if it runs, its log says what it waits for"
    return Finding(f"center {name}", stalled.get(name, ""), todo)


def _messages_between_stages() -> list[Finding]:
    """Return the finding whether messages wait in queues between the stages (steps) of message centers.

    There are such queues only while each stage is a process of its own (`IM_STAGES=distributed`). Messages that are
    left in them when one process runs all stages again are read by nobody. Return [] if the stages are distributed
    now, or if the broker does not answer, which another finding reports.
    """
    if is_distributed():
        return []
    try:
        waiting = broker.waiting_in(topology.STAGES)
    except BrokerUnavailable:
        return []
    queues = ", ".join(f"{count} in {queue}" for queue, count in sorted(waiting.items()) if count)
    reason = f"messages wait between stages: {queues}" if queues else ""
    todo = "run the stages once more with IM_STAGES=distributed until nothing waits, then change it"
    return [Finding("between stages", reason, todo)]


def gauges() -> Iterable[GaugeMetricFamily]:
    """Yield, for Prometheus, the seconds that each message center has been without progress."""
    family = GaugeMetricFamily(
        "im_center_stalled_seconds",
        "Seconds since a center last finished a batch, or found that nothing waits",
        labels=["queue"],
    )
    try:
        ages = seconds_without_progress()
        for number, stage in _center_processes():
            queue = stage_queue(stage or StageName.STREAM, number)
            family.add_metric([queue], round(ages[member_name(number, stage)], 1))
    except redis.RedisError:
        return
    yield family


def _progress_key(name: str) -> str:
    """Return the Redis key of the last progress of the message center with this name."""
    return f"im:center:{name}"


def _unacknowledged_key(name: str) -> str:
    """Return the Redis key for the process of the message center `name` that has unacknowledged messages."""
    return f"im:center:{name}:taken"


def _sentences_about_stalled() -> dict[str, str]:
    """Return a sentence about each message center or stage without progress. Raises redis.RedisError."""
    return {
        name: f"center {name} has finished nothing for {_duration_in_words(age)}"
        for name, age in seconds_without_progress().items()
        if age > STALLED_SECONDS
    }


def _duration_in_words(seconds: float) -> str:
    """Return a number of seconds in words; what is longer than Redis keeps is "an hour or more"."""
    return "an hour or more" if seconds >= KEPT_SECONDS else f"{seconds:.0f} s"
