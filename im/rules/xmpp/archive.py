"""Questions for history (XEP-0313, in pages by XEP-0059), and the page that answers them.

An archive is what a person sees of one conversation, or of all one-to-one conversations, in the order of time. The id
of an entry in it is its place, `<conversation>.<seq>`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from im.rules.messages import Data
from im.rules.xmpp import messages, stanzas
from im.rules.xmpp.addresses import Jid
from im.rules.xmpp.stanzas import FORMS, MAM, RSM, element

MOST = 100
"""A page has at most this many entries."""
FIELDS = (("with", "jid-single"), ("start", "text-single"), ("end", "text-single"))

Key = tuple[str, int, int]
"""An entry's place in an archive's order: time, conversation, seq. In the log of one conversation without time."""


class InvalidQuery(ValueError):
    """A field of a client's request for history is not in the agreed form."""


@dataclass(frozen=True, slots=True)
class Query:
    """A client's request for a page of history. `before` "" asks for the last page; `None`: the client has not set it.

    `partner` is the address in the field `with`, or "". `start` and `end` are times in the form of `sent_at`, or "".
    """

    key: str = ""
    partner: str = ""
    start: str = ""
    end: str = ""
    most: int = MOST
    before: str | None = None
    after: str | None = None
    is_one_log: bool = False
    """The client wants the history of one conversation."""

    @property
    def is_backward(self) -> bool:
        """Return whether the client asks for the page that ends before an entry, not the one that begins after it."""
        return self.before is not None


@dataclass(frozen=True, slots=True)
class Page:
    """Represent the page of history that a client gets; `complete` says that nothing follows in its direction."""

    entries: tuple[Data, ...]
    complete: bool


def parse_query(node: Element) -> Query:
    """Return what the element `query` of a client's request for history (XEP-0313) asks for. Raises InvalidQuery."""
    form, paging = stanzas.child(node, FORMS, "x"), stanzas.child(node, RSM, "set")
    fields = {
        field.get("var", ""): field.findtext(f"{{{FORMS}}}value") or ""
        for field in (form if form is not None else ())
        if stanzas.name_of(field) == "field"
    }
    unknown = fields.keys() - {name for name, _ in FIELDS} - {"FORM_TYPE"}
    if unknown:
        raise InvalidQuery(f"not known: {', '.join(sorted(unknown))[:100]}")
    before, after, most = (
        None
        if paging is None
        else paging.findtext(f"{{{RSM}}}{name}", _empty_if_present(paging, name))
        for name in ("before", "after", "max")
    )
    for place in (before, after):
        if place and not messages.is_msg_id(place):
            raise InvalidQuery("before, after: a place in this archive")
    return Query(
        node.get("queryid", ""),
        fields.get("with", ""),
        _parse_time(fields.get("start", "")),
        _parse_time(fields.get("end", "")),
        min(int(most), MOST) if most and most.isdecimal() and len(most) < 6 else MOST,
        before,
        after or None,
    )


def _empty_if_present(paging: Element, name: str) -> str | None:
    """Return "" if an element has a child with this name, which may be empty; `None` if it has none."""
    return "" if stanzas.child(paging, RSM, name) is not None else None


def _parse_time(text: str) -> str:
    """Return a time that a client writes in the form of `sent_at`, with milliseconds; "" for "".

    Raises InvalidQuery.
    """
    if not text:
        return ""
    day, _, moment = text.partition("T")
    whole, _, part = moment.removesuffix("Z").removesuffix("+00:00").partition(".")
    # "2026-11-29" has 10 characters, "14:00:00" has 8.
    if len(day) != 10 or len(whole) != 8 or not (part or "0").isdecimal():
        raise InvalidQuery("start, end: a time in UTC, such as 2026-11-29T14:00:00Z")
    return f"{day}T{whole}.{part[:3]:0<3}Z"


def key_of(query: Query, entry: Data) -> Key:
    """Return the place of an entry in the order of an archive: (time of sending, conversation, seq).

    One conversation's log has an order of its own. The time is "" there: the clock that a site follows may be set back
    a little between two entries.
    """
    data = entry["data"]
    time = "" if query.is_one_log else _time_of(entry)
    return time, int(data["conversation_id"]), int(data["seq"])


def _time_of(entry: Data) -> str:
    """Return when an entry was sent, in the form of `sent_at`; "" for one without a time."""
    return str(entry["data"].get("sent_at", ""))


def page_of(query: Query, entries: Iterable[Data], bound: Key | None) -> Page:
    """Return the page that a client asks for, out of these entries.

    `bound` is the place of the entry that the query names in `before` or `after`, at which the page ends or begins.
    """
    within = sorted(
        (entry for entry in entries if _is_within(query, entry, bound)),
        key=lambda entry: key_of(query, entry),
    )
    if query.is_backward:
        return Page(tuple(within[-query.most :] if query.most else ()), len(within) <= query.most)
    return Page(tuple(within[: query.most]), len(within) <= query.most)


def _is_within(query: Query, entry: Data, bound: Key | None) -> bool:
    """Return whether an entry lies within the times of a query, and on the right side of the place `bound`."""
    key, time = key_of(query, entry), _time_of(entry)
    is_beyond_bound = bound is None or (key < bound if query.is_backward else key > bound)
    return is_beyond_bound and query.start <= time and (not query.end or time <= query.end)


def result_message(
    query: Query, archive: Jid, receiver: Jid, message: Element, entry: Data
) -> Element:
    """Return the message that brings one entry of a page of history to the client.

    `message` is the stanza that shows the entry, `archive` the address whose history it is.
    """
    node = stanzas.stanza("message", archive, receiver)
    result = element(MAM, "result", queryid=query.key, id=messages.archive_id(entry["data"]))
    result.append(messages.forwarded(message, entry["data"]["sent_at"]))
    node.append(result)
    return node


def fin_element(page: Page) -> Element:
    """Return the element that ends a page of history and names its first and last entry."""
    node = element(MAM, "fin", complete="true" if page.complete else "")
    node.append(paging := element(RSM, "set"))
    if page.entries:
        for name, entry in (("first", page.entries[0]), ("last", page.entries[-1])):
            paging.append(element(RSM, name, messages.archive_id(entry["data"])))
    return node


def form_of_fields() -> Element:
    """Return the form that lists the fields which a request for history may have."""
    node = element(MAM, "query")
    node.append(fields := element(FORMS, "x", type="form"))
    hidden = element(FORMS, "field", var="FORM_TYPE", type="hidden")
    hidden.append(element(FORMS, "value", MAM))
    fields.append(hidden)
    fields.extend(element(FORMS, "field", var=name, type=kind) for name, kind in FIELDS)
    return node
