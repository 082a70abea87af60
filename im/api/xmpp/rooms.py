"""Groups as rooms of XMPP (XEP-0045): `<conversation id>@groups.<domain>`.

All members count as present in the room. A person's name there is the one that the group shows; a client that asks for
another one is told so. Rooms are made, and people invited, in the chat page or over the HTTP API.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from im.api.xmpp.link import Refused
from im.api.xmpp.person import Conversation, Person, Session
from im.rules.messages import Data
from im.rules.vocabulary import Cmd, Kind
from im.rules.xmpp import messages, muc
from im.rules.xmpp.addresses import Jid

MOST_OCCUPANTS = 500
"""So many members of a group are shown to a client that enters it, itself among them."""
HISTORY = 20
"""So many messages are shown to a client that enters an XMPP room and says nothing else."""


async def enter_room(person: Person, session: Session, node: Element, number: int, to: Jid) -> None:
    """Let a client enter the room of a group (XEP-0045): send it the members, its own presence, history and subject.

    `node` is the client's presence, `to` the address in it, which holds the wanted name. Raises Refused, NoAnswer.
    """
    conversation = await person.conversation(number)
    if conversation.kind not in (Kind.GROUP, Kind.CONFERENCE):
        raise Refused("not_found", "there is no such group")
    names = await _load_occupants(person, number)
    own = names.get(person.user)
    if own is None:
        raise Refused("not_allowed", "you are no member of this group")
    count = muc.wanted_history(node, HISTORY)
    entries: list[Data] = []
    if count:
        page = await person.link.call("GET", f"conversations/{number}/messages?count={count}")
        entries = page["entries"]
    session.rooms[number] = own.nick
    for user, occupant in names.items():
        if user != person.user:
            person.send(_presence_of(person, session, number, user, occupant))
    is_renamed = own.nick != to.resource
    person.send(
        _presence_of(person, session, number, person.user, own, is_self=True, is_renamed=is_renamed)
    )
    for entry in entries:
        _send_entry(person, session, conversation, entry, delayed=True)
    room = person.domain.room(number)
    person.send(muc.subject_message(room, session.jid, conversation.notice))


def leave_room(person: Person, session: Session, number: int) -> None:
    """Let a client leave an XMPP room; the person stays a member of the group."""
    nick = session.rooms.pop(number, "")
    if nick:
        room = person.domain.room(number, nick)
        person.send(muc.leave_presence(room, session.jid, is_self=True))


async def _load_occupants(person: Person, number: int) -> dict[str, muc.Occupant]:
    """Return the members of a group, from the API: user id -> occupant, each with a name of its own in the XMPP room.

    Raises Refused, NoAnswer.
    """
    rows: list[Data] = []
    async for row in person.list_rows(f"conversations/{number}/members", "members"):
        if row["state"] == "active" and (
            len(rows) < MOST_OCCUPANTS or row["user_id"] == person.user
        ):
            rows.append(row)
    return muc.occupants_of(rows)


def _presence_of(
    person: Person,
    session: Session,
    number: int,
    user: str,
    occupant: muc.Occupant,
    *,
    is_self: bool = False,
    is_renamed: bool = False,
) -> Element:
    """Return the presence that shows a client the member `user` of a group."""
    room = person.domain.room(number, occupant.nick)
    address = person.address(user, session)
    return muc.presence_in_room(
        room, session.jid, occupant, address, is_self=is_self, is_renamed=is_renamed
    )


def show_entry(
    person: Person, conversation: Conversation, entry: Data, *, delayed: bool = False
) -> None:
    """Send an entry of a group's log to the clients of the person that have entered the group's room.

    Nothing is sent if there are none.
    """
    number = conversation.number
    inside = [session for session in person.sessions.values() if number in session.rooms]
    if not inside:
        return
    if entry["cmd"] in (Cmd.MEMBER, Cmd.CONVERSATION):
        person.tasks.spawn(_send_changes(person, conversation, entry, inside))
    for session in inside:
        _send_entry(person, session, conversation, entry, delayed=delayed)


def _send_entry(
    person: Person, session: Session, conversation: Conversation, entry: Data, *, delayed: bool
) -> None:
    """Send an entry of a group's log to one client in its XMPP room; do nothing for an entry that clients do not see.

    The client's own message keeps the id that the client gave it.
    """
    data = entry["data"]
    room = person.domain.room(conversation.number)
    is_own = data.get("publisher_id") == person.user
    nick = muc.nick_of(
        session.rooms[conversation.number] if is_own else data.get("publisher_name", "")
    )
    key = str(data.get("client_msg_id") or "") if is_own else ""
    node = messages.entry_stanza(
        entry,
        "groupchat",
        person.domain.room(conversation.number, nick),
        session.jid,
        person.site,
        key=key or messages.archive_id(data),
        by=room,
        delayed=delayed,
    )
    if node is not None:
        person.send(node)


async def _send_changes(
    person: Person, conversation: Conversation, entry: Data, inside: list[Session]
) -> None:
    """Send clients in an XMPP room (`inside`) what a log entry reports: who came or left, or the new subject.

    Other entries change nothing in the room.
    """
    number, data = conversation.number, entry["data"]
    if data.get("what") in ("left", "removed"):
        _send_departures(person, number, data, inside)
        return
    if entry["cmd"] == Cmd.CONVERSATION:
        answer = await person.link.call("GET", f"conversations/{number}")
        person.store_conversation(answer["conversation"])
        for session in inside:
            room = person.domain.room(number)
            person.send(muc.subject_message(room, session.jid, conversation.notice))
        return
    if data.get("what") in ("added", "joined", "role"):
        names = await _load_occupants(person, number)
        changed = {str(user["user_id"]) for user in data.get("users", ())}
        for session in inside:
            for user in changed & names.keys():
                is_self = user == person.user
                node = _presence_of(person, session, number, user, names[user], is_self=is_self)
                person.send(node)


def _send_departures(person: Person, number: int, data: Data, inside: list[Session]) -> None:
    """Send to the clients in an XMPP room (`inside`) that members have left the group, and so the room, too."""
    for user in data.get("users", ()):
        is_self = user["user_id"] == person.user
        for session in inside:
            nick = session.rooms.pop(number, "") if is_self else muc.nick_of(user.get("name", ""))
            room = person.domain.room(number, nick)
            person.send(muc.leave_presence(room, session.jid, is_self=is_self, for_good=True))


async def list_groups(person: Person) -> list[tuple[Jid, str]]:
    """Return the person's groups: address and name. Raises Refused, NoAnswer."""
    return [
        (person.domain.room(int(row["conversation_id"])), str(row["name"]))
        async for row in person.list_rows("conversations", "conversations")
        if row["kind"] in (Kind.GROUP, Kind.CONFERENCE) and row["state"] == "active"
    ]
