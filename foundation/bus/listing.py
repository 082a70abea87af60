"""The module writes docs/messages.md from the classes of the messages: each with its fields and its reader."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from msgspec import NODEFAULT

from foundation.bus import protocol
from foundation.bus.message import TYPES, Message
from foundation.bus.registry import HANDLERS, PASSED_ON, RESUMPTIONS
from foundation.bus.typed_json_words import DeclaredField, declared_fields

_HEAD = """# Messages

Written by `make messages` from the classes of the messages; do not edit. A test says when it is out of date.

Every body is one JSON object in UTF-8 with a `type`, at most 256 KiB. Unknown fields are ignored, absent ones
are left out. A request (`_REQ`) is answered by exactly one `_ACK` or `_NACK`, within 24 h the same one each time
it is asked again with the same `reqid`. Strings hold no control characters, `null` means absent, and a whole number may
come as a string of digits. `mts[].account` is the field `account` of each object in the list `mts`.
"""


def page() -> str:
    """Return the text of docs/messages.md, the generated description of all message types."""
    return "\n".join([_HEAD, *_contents(), *_passed_on(), *_sections()]) + "\n"


def _classes_by_module() -> dict[str, list[tuple[str, type[Message]]]]:
    """Return the types of messages, with their classes, for each module that declares some."""
    modules: dict[str, list[tuple[str, type[Message]]]] = {}
    for wire_type, message_class in sorted(TYPES.items()):
        modules.setdefault(message_class.__module__, []).append((wire_type, message_class))
    return dict(sorted(modules.items()))


def _contents() -> Iterator[str]:
    """Yield the lines of the table of contents of docs/messages.md: one line for each type of message."""
    yield "| type | in one line | taken by |"
    yield "|---|---|---|"
    for classes in _classes_by_module().values():
        for wire_type, message_class in classes:
            link = f"[`{wire_type}`](#{wire_type.lower()})"
            yield f"| {link} | {_summary(message_class)} | {_reader_in_words(message_class)} |"
    yield ""


def _passed_on() -> Iterator[str]:
    """Yield the lines of docs/messages.md about messages that we forward to another party unchanged."""
    yield "## Passed on unchanged\n"
    for prefix, message_class in sorted(PASSED_ON, key=itemgetter(0)):
        yield f"- `{prefix}*`: {_summary(message_class)}"
    yield ""


def _sections() -> Iterator[str]:
    """Yield the lines of the page of all messages: a heading for each module, a section for each type of message."""
    for module, classes in _classes_by_module().items():
        yield f"## {module}\n"
        for wire_type, message_class in classes:
            yield from _section(wire_type, message_class)


def _section(wire_type: str, message_class: type[Message]) -> Iterator[str]:
    """Yield the lines of the section about one type of message, with the table of its fields."""
    yield f"### {wire_type}\n"
    yield f"{_summary(message_class)} Class `{message_class.__name__}`."
    if message_class.nack:
        yield f"Refused with `{message_class.nack}`."
    yield ""
    fields = declared_fields(message_class)
    if not fields:
        yield "No fields.\n"
        return
    yield "| field | kind | default |"
    yield "|---|---|---|"
    for field in fields:
        yield f"| `{field.path}` | {field.words} | {_default_in_words(field)} |"
    yield ""


def _summary(message_class: type[Message]) -> str:
    """Return the first paragraph of a class's docstring, on one line."""
    paragraph = (message_class.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(paragraph.split())


def _default_in_words(field: DeclaredField) -> str:
    """Return, for a table in docs/messages.md, a message field's default, or that it is required or may be absent."""
    if field.required:
        return "required"
    if field.default in (None, "", (), NODEFAULT):
        return "may be absent"
    # Messages write flags as 0 or 1.
    is_flag = isinstance(field.default, bool)
    return f"`{int(field.default is True) if is_flag else field.default}`"


def _reader_in_words(message_class: type[Message]) -> str:
    """Return, for docs/messages.md, who reads messages of a class: the path of our handler, or another party.

    Answers to requests of ours are read by the functions that continue the task; their modules are named.
    """
    handler = HANDLERS.get(message_class)
    if handler is not None:
        return f"`{handler.__module__}.{handler.__name__}`"
    if protocol.current().is_resumed(message_class.wire_type):
        flows = sorted(f"`{handler.__module__}`" for handler in RESUMPTIONS.values())
        return "; ".join(dict.fromkeys(flows))
    return protocol.current().reader_of(message_class.wire_type)
