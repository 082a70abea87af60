"""The rules say which events follow from a change of a conference (pushes of the HTTP API §5.2). Pure.

An event says that something has changed, not how: the program that listens reads it again, by the call whose path is
`/api/v1/vc` followed by the channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

import orjson

from conferences.rules.states import Conference, ConferenceState, EndReason
from foundation.bus.outgoing import Event
from foundation.json_value import JSONValue
from wire.fields import Terminal
from wire.http_codes import http_code

UPDATE, DELETE = b'{"method":"update"}', b'{"method":"delete"}'


class _Target(NamedTuple):
    """The address to which a monitor sends."""

    ip: str
    port: int


_OWN_CHANNELS = {"chairman": "/chairman", "speaker": "/speaker"}
"""The fields whose changes are told on a channel of their own, and its end."""

_NOT_SHOWN = frozenset(
    {
        *("confid", "e164", "request", "reqid", "origin", "created_at"),
        *("state", "incarnation", "revision", "unit", "vrs", "mps", "started_at", "placed_at"),
        *("ended_at", "end_reason", "end_code", "question", "tried", "last_code", "give_up_at"),
        *("answer_by", "restore_at", "pending_since", "warned", "empty_since", "mts", "rename"),
        *("restores", "units", "members", "monitors"),
    }
)
"""The fields that no program sees, or whose changes are told otherwise."""

_SHOWN = tuple(
    name
    for name in Conference.__struct_fields__
    if name not in _NOT_SHOWN and name not in _OWN_CHANNELS
)


def of_change(before: Conference | None, after: Conference) -> Iterator[Event]:
    """Yield the events that tell of a conference's change; `before` is `None` if it is new.

    A conference that is being created is told of when it runs, or when its creation has failed.
    """
    if after.state is ConferenceState.CREATING:
        return
    if not after.live:
        if after.end_reason == EndReason.CREATE_FAILED:
            yield notify(after, "/alarm", error_code=http_code(after.end_code))
        yield _event(after, "", DELETE)
        return
    if before is None or _is_shown_otherwise(before, after):
        yield _event(after, "", UPDATE)
    if before is not None:
        yield from _of_parts(before, after)


def _of_parts(before: Conference, after: Conference) -> Iterator[Event]:
    """Yield the events of those parts of a conference that have channels of their own."""
    for name, end in _OWN_CHANNELS.items():
        if getattr(before, name) != getattr(after, name):
            yield _event(after, end, UPDATE)
    if before.mts != after.mts:
        yield from _of_terminals(before, after)
    if before.settings != after.settings:
        yield from _of_settings(after, _told_settings(before), _told_settings(after))
    for monitor in sorted(_running_monitors(before) ^ _running_monitors(after)):
        yield _event(after, f"/monitor/{monitor.ip}/{monitor.port}", UPDATE)


def _is_shown_otherwise(before: Conference, after: Conference) -> bool:
    """Return whether programs see a change in the conference itself, leaving its members and their roles aside."""
    running = ConferenceState.RUNNING
    if (before.state is running) != (after.state is running):
        return True
    return any(getattr(before, name) != getattr(after, name) for name in _SHOWN)


def _of_terminals(before: Conference, after: Conference) -> Iterator[Event]:
    """Yield an event for each terminal that was added, changed or removed."""
    earlier, later = _by_id(before.mts), _by_id(after.mts)
    for mtid, terminal in later.items():
        if earlier.get(mtid) != terminal:
            yield _event(after, _terminal_end(mtid), UPDATE)
    for mtid in (mtid for mtid in earlier if mtid not in later):
        yield _event(after, _terminal_end(mtid), DELETE)


_CHANNELS_OF_SETTINGS = {
    "mix": "/mixs/1",
    "layout": "/vmps/1",
    "poll": "/poll",
    "chairmanpoll": "/chairmanpoll",
    "recording": "/recorders/1",
}
"""The settings that have a channel of their own, and its end: there is one mix, picture and recording at most."""


def _told_settings(c: Conference) -> dict[str, object]:
    """Return the settings of a conference that have channels of their own: end of the channel -> value.

    They are read as the media unit reports them; what is off is left out.
    """
    extra = (c.settings.extra if c.settings else None) or {}
    told: dict[str, object] = {
        end: extra[name] for name, end in _CHANNELS_OF_SETTINGS.items() if extra.get(name)
    }
    layouts, views = extra.get("layouts"), extra.get("views")
    for mtid, layout in (layouts if isinstance(layouts, dict) else {}).items():
        told[f"/mtvmps/{_segment(str(mtid))}"] = layout
    for view in views if isinstance(views, list | tuple) else ():
        if isinstance(view, dict):
            viewer, mode = _segment(str(view.get("dst"))), view.get("mode", 1)
            told[f"/inspections/{viewer}/{mode}"] = view
    return told


def _of_settings(
    c: Conference, before: dict[str, object], after: dict[str, object]
) -> Iterator[Event]:
    """Yield an event for each setting with a channel of its own that was made, changed or taken back."""
    for end, value in after.items():
        if before.get(end) != value:
            yield _event(c, end, UPDATE)
    for end in (end for end in before if end not in after):
        yield _event(c, end, DELETE)


def _running_monitors(c: Conference) -> frozenset[_Target]:
    """Return the addresses to which a terminal's sound or picture is sent."""
    return frozenset(_Target(monitor.ip, monitor.port) for monitor in c.monitors if monitor.running)


def _by_id(terminals: tuple[Terminal, ...]) -> dict[str, Terminal]:
    """Return the terminals by their id in the conference."""
    return {str(terminal.mtid): terminal for terminal in terminals if terminal.mtid}


def _terminal_end(mtid: str) -> str:
    """Return the end of the channel of one of the conference's own terminals; they are cascade 0."""
    return f"/cascades/0/mts/{_segment(mtid)}"


def _segment(text: str) -> str:
    """Return a text as one segment of a channel."""
    return quote(text, safe="@:+")


def notify(c: Conference, end: str, **members: JSONValue) -> Event:
    """Return an event that happens once, with its details, on the channel of a conference that ends so."""
    return _event(c, end, orjson.dumps({"method": "notify", **members}))


def _event(c: Conference, end: str, body: bytes) -> Event:
    """Return an event on the channel of a conference that ends so."""
    return Event(c.user_domain, f"/confs/{c.e164}{end}", body)
