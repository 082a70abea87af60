"""The rules by which changes of a conference become events for listening client applications (HTTP API §5.2). Pure.

An event says that something has changed, not how. The client application reads the new state by the call whose path is
`/api/v1/vc` followed by the event's channel. Each channel is `/confs/<number>` with a suffix.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple
from urllib.parse import quote

import orjson

from conferences.rules.sharing import id_of_sharer
from conferences.rules.states import Conference, ConferenceState, EndReason
from foundation.bus.outgoing import Event
from foundation.json_value import JSONValue
from wire.arrangement import arrangement_of
from wire.fields import Terminal
from wire.http_codes import http_code

MAX_REPORTED_ENTRIES = 500
"""So many entries of one setting are told of, as many as a conference has members. A media unit may report more."""
_COMPOSED, _NO_COMPOSER = 1, 20901
"""Values of an arrangement's `composed`: a video stream of the composed picture is made; there is no composer."""
UPDATE, DELETE = b'{"method":"update"}', b'{"method":"delete"}'


class _MonitorAddress(NamedTuple):
    """Represent the address to which a monitor, a terminal's sound or picture, is sent."""

    ip: str
    port: int


_OWN_CHANNELS = {"chairman": "/chairman", "speaker": "/speaker"}
"""Field of a conference whose changes have a channel of their own -> suffix of that channel."""

_NOT_SHOWN = frozenset(
    {
        *("confid", "e164", "request", "reqid", "origin", "created_at"),
        *("state", "incarnation", "revision", "unit", "vrs", "mps", "started_at", "placed_at"),
        *("ended_at", "end_reason", "end_code", "question", "tried", "last_code", "give_up_at"),
        *("answer_by", "restore_at", "pending_since", "warned", "empty_since", "mts", "rename"),
        *("restores", "units", "members", "monitors", "report_seq", "breakout", "parent"),
    }
)
"""The fields that no client application sees, or whose changes become other events."""

_SHOWN = tuple(
    name
    for name in Conference.__struct_fields__
    if name not in _NOT_SHOWN and name not in _OWN_CHANNELS
)


def events_of_change(before: Conference | None, after: Conference) -> Iterator[Event]:
    """Yield the events for client applications about a change of a conference; `before` is `None` for a new one.

    A conference that is being created has no events until it runs, or its creation has failed.
    """
    if after.state is ConferenceState.CREATING:
        return
    if not after.live:
        if after.end_reason == EndReason.CREATE_FAILED:
            yield notification(after, "/alarm", error_code=http_code(after.end_code))
        yield _event(after, "", DELETE)
        return
    if before is None or _is_visible_change(before, after):
        yield _event(after, "", UPDATE)
    if before is not None:
        yield from _events_of_parts(before, after)


def _events_of_parts(before: Conference, after: Conference) -> Iterator[Event]:
    """Yield the events of those parts of a conference that have channels of their own and have changed."""
    for name, suffix in _OWN_CHANNELS.items():
        if getattr(before, name) != getattr(after, name):
            yield _event(after, suffix, UPDATE)
    if id_of_sharer(before) != id_of_sharer(after):
        yield _event(after, "/dualstream", UPDATE)
    if before.mts != after.mts:
        yield from _events_of_terminals(before, after)
    if before.settings != after.settings:
        values = _values_by_suffix(before), _values_by_suffix(after)
        yield from _events_of_settings(after, *values)
        yield from _failed_composition(before, after)
    # The monitors (copies of sound or picture) that have begun or ended: those in one of both sets.
    for monitor in sorted(_running_monitors(before) ^ _running_monitors(after)):
        yield _event(after, f"/monitor/{monitor.ip}/{monitor.port}", UPDATE)


def _is_visible_change(before: Conference, after: Conference) -> bool:
    """Return whether the HTTP API shows a change in the conference itself, apart from its members and their roles."""
    running = ConferenceState.RUNNING
    if (before.state is running) != (after.state is running):
        return True
    return any(getattr(before, name) != getattr(after, name) for name in _SHOWN)


def _events_of_terminals(before: Conference, after: Conference) -> Iterator[Event]:
    """Yield an event for each terminal that was added, changed or removed."""
    earlier, later = _terminals_by_id(before.mts), _terminals_by_id(after.mts)
    for mtid, terminal in later.items():
        if earlier.get(mtid) != terminal:
            yield _event(after, _terminal_suffix(mtid), UPDATE)
    for mtid in (mtid for mtid in earlier if mtid not in later):
        yield _event(after, _terminal_suffix(mtid), DELETE)


_CHANNELS_OF_SETTINGS = {
    "mix": "/mixs/1",
    "layout": "/vmps/1",
    "poll": "/poll",
    "chairmanpoll": "/chairmanpoll",
    "recording": "/recorders/1",
    "vad": "/vad",
}
"""Setting with a channel of its own -> suffix of that channel. A conference has at most one of each."""

_ALWAYS_READABLE = frozenset({"/vad"})
"""Channels of what can always be read: that it is switched off is a change, too."""


def _values_by_suffix(conference: Conference) -> dict[str, object]:
    """Return the settings of which clients are told by an event channel of their own: suffix of the channel -> value.

    The values are those that the media unit reports; settings that are off are left out. Such a channel belongs to the
    picture composed for one terminal (`/mtvmps`), or to a terminal that is shown another's picture (`/inspections`). Of
    each of these two at most MAX_REPORTED_ENTRIES are returned.
    """
    extra = (conference.settings.extra if conference.settings else None) or {}
    values: dict[str, object] = {
        suffix: extra[name] for name, suffix in _CHANNELS_OF_SETTINGS.items() if extra.get(name)
    }
    layouts, views = extra.get("layouts"), extra.get("views")
    for mtid, layout in islice(
        (layouts if isinstance(layouts, dict) else {}).items(), MAX_REPORTED_ENTRIES
    ):
        values[f"/mtvmps/{_channel_segment(str(mtid))}"] = layout
    for view in islice(views if isinstance(views, list | tuple) else (), MAX_REPORTED_ENTRIES):
        if isinstance(view, dict):
            viewer, mode = _channel_segment(str(view.get("dst"))), view.get("mode", 1)
            values[f"/inspections/{viewer}/{mode}"] = view
    return values


def _events_of_settings(
    conference: Conference, before: dict[str, object], after: dict[str, object]
) -> Iterator[Event]:
    """Yield an event for each setting that was set, changed or removed.

    `before`, `after`: the values by suffix of their channel. A removed setting is a DELETE, unless it can be read
    always (_ALWAYS_READABLE).
    """
    for suffix, value in after.items():
        if before.get(suffix) != value:
            yield _event(conference, suffix, UPDATE)
    for suffix in (suffix for suffix in before if suffix not in after):
        yield _event(conference, suffix, UPDATE if suffix in _ALWAYS_READABLE else DELETE)


def _failed_composition(before: Conference, after: Conference) -> Iterator[Event]:
    """Yield the notification that the video stream of the composed picture has failed, if it has (HTTP API §5.2).

    It has failed, too, if the conference has moved to a unit that makes none.
    """
    earlier, now = arrangement_of(before.settings), arrangement_of(after.settings)
    error_code = now.composed
    if earlier.composed == _COMPOSED and not now.composed and now.layout is not None:
        error_code = _NO_COMPOSER
    if error_code not in (0, _COMPOSED, earlier.composed):
        yield notification(after, "/vmps/1", error_code=error_code)


def _running_monitors(conference: Conference) -> frozenset[_MonitorAddress]:
    """Return the addresses to which a unit now sends sound or picture of the conference's terminals (its monitors)."""
    return frozenset(
        _MonitorAddress(monitor.ip, monitor.port)
        for monitor in conference.monitors
        if monitor.running
    )


def _terminals_by_id(terminals: tuple[Terminal, ...]) -> dict[str, Terminal]:
    """Return terminals by their id in the conference: id -> terminal."""
    return {str(terminal.mtid): terminal for terminal in terminals if terminal.mtid}


def _terminal_suffix(mtid: str) -> str:
    """Return the suffix of a terminal's channel; the conference's own terminals are those of cascade 0."""
    return f"/cascades/0/mts/{_channel_segment(mtid)}"


def _channel_segment(text: str) -> str:
    """Return a text quoted so that it is one segment of a channel."""
    return quote(text, safe="@:+")


def notification(conference: Conference, suffix: str, **members: JSONValue) -> Event:
    """Return an event about something that happens once in a conference, with details (`members` of the JSON body).

    Its channel is that of the conference with `suffix`.
    """
    return _event(conference, suffix, orjson.dumps({"method": "notify", **members}))


def _event(conference: Conference, suffix: str, body: bytes) -> Event:
    """Return an event on the channel of a conference with this suffix; "" is the channel of the conference itself."""
    return Event(conference.user_domain, f"/confs/{conference.e164}{suffix}", body)
