"""History for clients of XMPP (XEP-0313): from the logs of the person's conversations, as the API shows them."""

from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import Element

from im.api.xmpp.link import Refused
from im.api.xmpp.person import Conversation, Person, Session
from im.rules.messages import Data
from im.rules.xmpp import addresses, messages, muc, stanzas
from im.rules.xmpp import archive as rules
from im.rules.xmpp.addresses import Jid
from im.rules.xmpp.archive import Key, Page, Query

MOST_PARTS = 20
"""So many parts of 100 entries of one log are read for one page at most."""
MOST_CONVERSATIONS = 200
"""So many one-to-one conversations, those with the latest messages, are an account's archive."""


async def on_form_request(person: Person, session: Session, node: Element, to: Jid) -> Element:
    """Answer which fields a request for history may have (XEP-0313). `to` is the address that the client asks."""
    return stanzas.iq_result(node, to, rules.form_of_fields())


async def on_query(person: Person, session: Session, node: Element, to: Jid) -> Element:
    """Send to a client the page of history that it asks for (XEP-0313), and return the answer that ends it.

    `node` is the request, `to` the address whose history it wants: a group's, or the person's own. Raises Refused,
    NoAnswer.
    """
    content = stanzas.iq_content(node)
    assert content is not None
    try:
        query = rules.parse_query(content)
    except rules.InvalidQuery as error:
        raise Refused("malformed", str(error)) from None
    number = person.domain.conversation_of(to)
    query = replace(query, is_one_log=number is not None or bool(query.partner))
    if number is not None:
        conversations = [await person.conversation(number)]
    elif not to.local or to.bare == session.own.bare:
        conversations = await _conversations_of_account(person, query)
    else:
        raise Refused("not_allowed", "this is the history of another person")
    page = await _load_page(person, session, conversations, query)
    archive = person.domain.room(number) if number is not None else session.own
    for entry in page.entries:
        conversation = person.conversations[int(entry["data"]["conversation_id"])]
        message = _entry_message(person, session, conversation, entry)
        assert message is not None
        person.send(rules.result_message(query, archive, session.jid, message, entry))
    return stanzas.iq_result(node, to, rules.fin_element(page))


async def _conversations_of_account(person: Person, query: Query) -> list[Conversation]:
    """Return the one-to-one conversations that may have entries of a page of the person's own history.

    It is the one with the partner whom the query names, or else the MOST_CONVERSATIONS that were written to last,
    after the query's `start`. Raises Refused, NoAnswer.
    """
    last: dict[int, str] = {}
    async for shown in person.list_rows("conversations", "conversations"):
        conversation = person.store_conversation(shown)
        if conversation.is_direct and shown["last"]:
            last[conversation.number] = str(shown["last"]["data"]["sent_at"])
    if query.partner:
        user = await person.user_of(addresses.parse(query.partner).local)
        number = person.direct.get(user)
        return [person.conversations[number]] if number in last else []
    recent = sorted((at, number) for number, at in last.items() if at >= query.start)
    return [person.conversations[number] for _, number in recent[-MOST_CONVERSATIONS:]]


async def _load_page(
    person: Person, session: Session, conversations: list[Conversation], query: Query
) -> Page:
    """Return the page of history that a client asks for, from these conversations. Raises Refused, NoAnswer."""
    entry_id = (query.before if query.is_backward else query.after) or ""
    bound = await _bound_of(person, query, entry_id) if entry_id else None
    entries: list[Data] = []
    for conversation in conversations:
        entries += await _load_candidates(person, session, conversation, query, bound)
    return rules.page_of(query, entries, bound)


async def _bound_of(person: Person, query: Query, place: str) -> Key:
    """Return the sort key of the entry at which a page begins or ends; `place` is its id, `<conversation>.<seq>`.

    Raises Refused, NoAnswer.
    """
    number, _, seq = place.partition(".")
    path = f"conversations/{number}/messages?after={int(seq) - 1}&count=1"
    entries = (await person.link.call("GET", path))["entries"]
    if not entries or entries[0]["data"]["seq"] != int(seq) or "sent_at" not in entries[0]["data"]:
        raise Refused("not_found", "there is no such place in this archive")
    return rules.key_of(query, entries[0])


async def _load_candidates(
    person: Person,
    session: Session,
    conversation: Conversation,
    query: Query,
    bound: Key | None,
) -> list[Data]:
    """Return the entries of one conversation that may belong to a page of history, one more than fit.

    The log is read backward from its end, or from the entry `bound` that the query names, down to the earliest entry
    that can belong to the page. Where no such entry is known, it is read forward from its beginning. Raises Refused,
    NoAnswer.
    """
    is_here = bound is not None and bound[1] == conversation.number
    is_backward = query.is_backward or bool(query.start) or (bound is not None and not is_here)
    lowest = "" if query.is_backward or bound is None else bound[0]
    position = bound[2] if is_here and bound is not None else None
    candidates: list[Data] = []
    for _ in range(MOST_PARTS):
        part = await _fetch_part(person, conversation, is_backward, position)
        shown = [
            entry
            for entry in part["entries"]
            if _entry_message(person, session, conversation, entry)
        ]
        candidates += [
            entry
            for entry in shown
            if rules.page_of(query, [entry], bound).entries or not query.most
        ]
        ends = [str(entry["data"].get("sent_at", "")) for entry in part["entries"]]
        is_past = bool(ends) and ends[0] < max(query.start, lowest) if is_backward else False
        # A page that goes forward begins with its earliest entries: if the log is read backward, all are needed.
        is_enough = len(candidates) > query.most and (query.is_backward or not is_backward)
        if is_past or is_enough or part["is_last"]:
            break
        position = part["from_seq"] + 1 if is_backward else part["to_seq"]
    return candidates


async def _fetch_part(
    person: Person, conversation: Conversation, is_backward: bool, position: int | None
) -> Data:
    """Return a part of a conversation's log, from the API: the entries before the seq (number) `position`, or after it.

    `None` stands for the end of the log, or its beginning. Raises Refused, NoAnswer.
    """
    if position is not None:
        bound = f"&before={position}" if is_backward else f"&after={position}"
    else:
        bound = "" if is_backward else "&after=0"
    path = f"conversations/{conversation.number}/messages?count=100{bound}"
    part = await person.link.call("GET", path)
    first, last = part["first_seq"], part["last_seq"]
    is_last = part["from_seq"] <= first if is_backward else part["to_seq"] >= last
    return {**part, "is_last": is_last}


def _entry_message(
    person: Person, session: Session, conversation: Conversation, entry: Data
) -> Element | None:
    """Return the message stanza of a log entry as a client would have got it; `None` for one that is not shown."""
    data = entry["data"]
    if conversation.is_direct:
        other = person.domain.person(conversation.user)
        is_own = data.get("publisher_id") == person.user
        sender, receiver = (session.own, other) if is_own else (other, session.own)
        kind, by = "chat", session.own
    else:
        by = person.domain.room(conversation.number)
        nick = muc.nick_of(str(data.get("publisher_name", "")))
        sender, receiver = person.domain.room(conversation.number, nick), session.own
        kind, is_own = "groupchat", data.get("publisher_id") == person.user
    # Only the author's clients know the id that the author gave the message.
    key = str(data.get("client_msg_id") or "") if is_own else ""
    return messages.entry_stanza(
        entry, kind, sender, receiver, person.site, key=key or messages.archive_id(data), by=by
    )
