"""The page of all messages is written from the code: each message with its fields, sender and reader."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from msgspec import NODEFAULT

from foundation.bus import protocol
from foundation.bus.message import TYPES, Message
from foundation.bus.registry import HANDLERS, PASSED, RESUMPTIONS
from foundation.bus.typed_json_words import Declared, declared

_HEAD = """# Messages

Written by `make messages` from the classes of the messages; do not edit. A test says when it is out of date.

Every body is one JSON object in UTF-8 with a `type`, at most 256 KiB. Unknown fields are ignored, absent ones
are left out. A request (`_REQ`) is answered by exactly one `_ACK` or `_NACK`, within 24 h the same one each time
it is asked again with the same `reqid`. Strings hold no control characters, `null` means absent, and a whole number may
come as a string of digits. `mts[].account` is the field `account` of each object in the list `mts`.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_contents(), *_passed(), *_all()]) + "\n"


def _by_place() -> dict[str, list[tuple[str, type[Message]]]]:
    places: dict[str, list[tuple[str, type[Message]]]] = {}
    for wire_type, kind in sorted(TYPES.items()):
        places.setdefault(kind.__module__, []).append((wire_type, kind))
    return dict(sorted(places.items()))


def _contents() -> Iterator[str]:
    yield "| type | in one line | taken by |"
    yield "|---|---|---|"
    for kinds in _by_place().values():
        for wire_type, kind in kinds:
            yield f"| [`{wire_type}`](#{wire_type.lower()}) | {_line(kind)} | {_taken_by(kind)} |"
    yield ""


def _passed() -> Iterator[str]:
    yield "## Passed on unchanged\n"
    for prefix, kind in sorted(PASSED, key=itemgetter(0)):
        yield f"- `{prefix}*`: {_line(kind)}"
    yield ""


def _all() -> Iterator[str]:
    for place, kinds in _by_place().items():
        yield f"## {place}\n"
        for wire_type, kind in kinds:
            yield from _section(wire_type, kind)


def _section(wire_type: str, kind: type[Message]) -> Iterator[str]:
    yield f"### {wire_type}\n"
    yield f"{_line(kind)} Class `{kind.__name__}`."
    if kind.nack:
        yield f"Refused with `{kind.nack}`."
    yield ""
    fields = declared(kind)
    if not fields:
        yield "No fields.\n"
        return
    yield "| field | kind | default |"
    yield "|---|---|---|"
    for field in fields:
        yield f"| `{field.path}` | {field.words} | {_default(field)} |"
    yield ""


def _line(kind: type[Message]) -> str:
    words = (kind.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(words.split())


def _default(field: Declared) -> str:
    if field.required:
        return "required"
    if field.default in (None, "", (), NODEFAULT):
        return "may be absent"
    is_flag = isinstance(field.default, bool)
    return f"`{int(field.default is True) if is_flag else field.default}`"


def _taken_by(kind: type[Message]) -> str:
    handler = HANDLERS.get(kind)
    if handler is not None:
        return f"`{handler.__module__}.{handler.__name__}`"
    if protocol.current().is_resumed(kind.wire_type):
        flows = sorted(f"`{handler.__module__}`" for handler in RESUMPTIONS.values())
        return "; ".join(dict.fromkeys(flows))
    return protocol.current().reader_of(kind.wire_type)
