"""A batch of requests is stored in the log, on the real database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from foundation.cells.directory import own_platform, store_of
from im.data import journal
from im.data.membership import MemberCache
from im.flows.process import process
from im.models import Conversation, Entry, File, FileUse, Member
from im.rules.messages import Edit, React, Read, Recall, Say, to_wire
from im.rules.vocabulary import Cmd, Code, Kind, Role, Type
from tests.im.conversations import conversation, incoming, process_batch, text

pytestmark = pytest.mark.django_db
ANN, BOB, CEM = "ann-p1", "bob-p2", "cem-p3"


@pytest.fixture
def group(platform: str) -> int:
    return conversation(ANN, BOB, CEM)


def seqs(number: int) -> list[tuple[int, str, str]]:
    rows = Entry.objects.filter(conversation=number).order_by("seq")
    return list(rows.values_list("seq", "cmd", "body"))


def codes(*requests: object) -> list[Code]:
    return [refusal.code for refusal in process_batch(list(requests)).refused]  # type: ignore[arg-type]


def test_messages_get_places_without_gaps_in_the_order_in_which_they_came(group: int) -> None:
    other = conversation(ANN, BOB, kind=Kind.DIRECT)
    outcome = process_batch(
        [
            incoming(u, text(c, f"{u} {n}"))
            for n in range(3)
            for u, c in ((ANN, group), (BOB, other))
        ]
    )
    assert [e.seq for e in outcome.entries] == [1, 1, 2, 2, 3, 3]
    process_batch([incoming(CEM, text(group, "last"))])
    assert [row[0] for row in seqs(group)] == [1, 2, 3, 4]
    row = Conversation.objects.get(pk=group)
    assert (row.last_seq, row.messages) == (4, 4)


def test_the_same_client_msg_id_is_stored_once_and_answered_with_its_first_place(
    group: int,
) -> None:
    first = process_batch(
        [incoming(ANN, text(group), "m1"), incoming(ANN, text(group, "again"), "m1")]
    )
    again = process_batch(
        [incoming(ANN, text(group, "again"), "m1"), incoming(BOB, text(group), "m1")]
    )
    assert [e.seq for e in first.acks] == [1, 1]
    assert [(e.seq, e.body) for e in again.entries] == [(1, "hello"), (2, "hello")]
    assert len(seqs(group)) == 2


def test_a_redelivered_plain_message_is_known_by_what_it_says(group: int) -> None:
    process_batch([incoming(ANN, text(group))])
    again = process_batch(
        [incoming(ANN, text(group), redelivered=True), incoming(BOB, text(group))]
    )
    assert [e.seq for e in again.entries] == [1, 2]
    assert [e.seq for e in process_batch([incoming(ANN, text(group))]).entries] == [3]


def test_an_old_plain_message_is_not_taken_for_the_same_one(group: int) -> None:
    process_batch([incoming(ANN, text(group))], timezone.now() - timedelta(minutes=11))
    assert [
        e.seq for e in process_batch([incoming(ANN, text(group), redelivered=True)]).entries
    ] == [2]


def test_whoever_writes_has_read_up_to_there(group: int) -> None:
    process_batch([incoming(ANN, text(group)), incoming(BOB, text(group))])
    rows = Member.objects.filter(conversation=group).values_list("user", "read_seq")
    assert dict(rows) == {ANN: 1, BOB: 2, CEM: 0}


def test_who_may_not_speak_is_told_why(group: int) -> None:
    Member.objects.filter(user=BOB).update(muted_until=timezone.now() + timedelta(minutes=1))
    closed = conversation(ANN, closed=True)
    told = conversation(ANN, BOB, CEM, mute_all=True)
    assert codes(incoming("dan-4", text(group))) == [Code.NOT_MEMBER]
    assert codes(incoming(ANN, text(999))) == [Code.NOT_MEMBER]
    assert codes(incoming(BOB, text(group))) == [Code.MUTED]
    assert codes(incoming(ANN, text(closed))) == [Code.CLOSED]
    assert codes(incoming(CEM, text(told)), incoming(ANN, text(told))) == [Code.MUTED]
    assert seqs(group) == []


def test_an_edit_changes_the_text_and_keeps_the_former_one(group: int) -> None:
    process_batch([incoming(ANN, text(group, "one")), incoming(ANN, Edit(group, 1, "two"))])
    process_batch([incoming(ANN, Edit(group, 1, "three"))])
    assert seqs(group) == [(1, "msg", "three"), (2, "edit", "two"), (3, "edit", "three")]
    first, _, last = Entry.objects.filter(conversation=group).order_by("seq")
    assert first.edited_seq == 3
    assert last.data == {"msg_id": f"{group}.1", "previous": "two", "edits": [2]}


def test_the_same_edit_again_is_the_same_entry(group: int) -> None:
    process_batch([incoming(ANN, text(group, "one")), incoming(ANN, Edit(group, 1, "two"))])
    again = process_batch([incoming(ANN, Edit(group, 1, "two"), "x", redelivered=True)])
    assert [e.seq for e in again.entries] == [2]
    assert [(e.seq, e.client_msg_id) for e in again.acks] == [(2, "x")]


def test_one_edits_and_takes_back_only_ones_own(group: int) -> None:
    process_batch([incoming(ANN, text(group))])
    assert codes(incoming(BOB, Edit(group, 1, "x"))) == [Code.NOT_SENDER]
    assert codes(incoming(BOB, Recall(group, 1))) == [Code.NOT_SENDER]
    assert codes(incoming(ANN, Edit(group, 7, "x"))) == [Code.UNKNOWN_MESSAGE]
    assert codes(incoming(ANN, Recall(group, 7))) == [Code.UNKNOWN_MESSAGE]


def test_a_recall_takes_the_message_and_all_its_texts_out_of_sight(group: int) -> None:
    process_batch([incoming(ANN, text(group, "one")), incoming(ANN, Edit(group, 1, "two"))])
    process_batch([incoming(ANN, Edit(group, 1, "three")), incoming(ANN, Recall(group, 1))])
    entries = journal.select_entries("default", "conversation_id=%s ORDER BY seq", [group])
    assert [e.recalled_seq for e in entries] == [4, 4, 4, None]
    said = str([to_wire(e) for e in entries])
    assert not any(word in said for word in ("one", "two", "three"))
    again = process_batch([incoming(ANN, Recall(group, 1), redelivered=True)])
    assert [e.seq for e in again.entries] == [4]
    assert codes(incoming(ANN, Edit(group, 1, "x"))) == [Code.UNKNOWN_MESSAGE]


def test_a_message_is_taken_back_within_two_minutes_by_administrators_at_any_time(
    group: int,
) -> None:
    long_ago = timezone.now() - timedelta(seconds=121)
    process_batch([incoming(BOB, text(group)), incoming(CEM, text(group))], long_ago)
    assert codes(incoming(BOB, Recall(group, 1))) == [Code.TOO_LATE]
    assert codes(incoming(ANN, Recall(group, 1))) == []
    Member.objects.filter(user=BOB).update(role=Role.ADMIN)
    assert codes(incoming(BOB, Recall(group, 2))) == []


def test_reactions_and_read_marks_have_places_of_their_own(group: int) -> None:
    process_batch([incoming(ANN, text(group)), incoming(ANN, text(group))])
    outcome = process_batch(
        [incoming(BOB, React(group, 1, "👍", on=True)), incoming(BOB, Read(group, 2))]
    )
    react, read = (to_wire(e)["data"] for e in outcome.entries)
    assert (react["seq"], react["msg_id"], react["emoji"]) == (3, f"{group}.1", "👍")
    assert (read["seq"], read["user_id"], read["read_seq"]) == (4, BOB, 2)
    row = Member.objects.get(user=BOB)
    assert (row.read_seq, row.read_messages) == (2, 2)


def test_a_read_mark_never_goes_back_nor_beyond_the_end(group: int) -> None:
    process_batch(
        [incoming(ANN, text(group)), incoming(ANN, text(group)), incoming(BOB, Read(group, 2))]
    )
    assert process_batch([incoming(BOB, Read(group, 1))]).entries == []
    assert codes(incoming(BOB, Read(group, 9))) == [Code.UNKNOWN_MESSAGE]
    assert Member.objects.get(user=BOB).read_seq == 2


def test_in_a_large_group_only_ones_own_devices_hear_of_a_read_mark(platform: str) -> None:
    large = conversation(*(f"u-{n}" for n in range(501)))
    process_batch([incoming("u-1", text(large))])
    outcome = process_batch([incoming("u-2", Read(large, 1))])
    assert outcome.entries == []
    assert [(n.cmd, n.users) for n in outcome.notes] == [(Cmd.READ, ("u-2",))]
    assert Member.objects.get(user="u-2").read_messages == 1


def test_what_was_said_before_somebody_came_is_not_there_for_him(group: int) -> None:
    process_batch([incoming(ANN, text(group)), incoming(ANN, text(group))])
    Member.objects.filter(user=CEM).update(since_seq=1)
    unseen = incoming(CEM, React(group, 1, "!", on=True))
    reply = incoming(CEM, Say(group, Type.TEXT, "re", reply_to=1))
    assert codes(unseen, reply) == [Code.UNKNOWN_MESSAGE] * 2
    assert codes(incoming(CEM, React(group, 2, "!", on=True))) == []


def test_a_file_must_be_the_senders_and_complete(group: int) -> None:
    mine = File.objects.create(owner=ANN, name="a.png", size=3, ready=True, width=7)
    half = File.objects.create(owner=ANN, name="b.png", size=3)
    requests = [Say(group, Type.IMAGE, "", str(file.pk)) for file in (mine, half)]
    outcome = process_batch(
        [incoming(ANN, requests[0]), incoming(ANN, requests[1]), incoming(BOB, requests[0])]
    )
    assert [r.code for r in outcome.refused] == [Code.UNKNOWN_MESSAGE] * 2
    data = to_wire(outcome.entries[0])["data"]
    assert (data["file_id"], data["file"]["width"]) == (str(mine.pk), 7)
    assert FileUse.objects.filter(file=mine, conversation=group).exists()
    assert File.objects.get(pk=mine.pk).used
    process_batch([incoming(ANN, Recall(group, 1))])
    assert not FileUse.objects.exists()


def test_a_file_stays_readable_as_long_as_one_message_carries_it(group: int) -> None:
    mine = File.objects.create(owner=ANN, name="a.png", size=3, ready=True)
    request = Say(group, Type.IMAGE, "", str(mine.pk))
    process_batch([incoming(ANN, request), incoming(ANN, request)])
    process_batch(
        [incoming(ANN, request), incoming(ANN, Recall(group, 1)), incoming(ANN, Recall(group, 2))]
    )
    assert FileUse.objects.get().messages == 1
    process_batch([incoming(ANN, Recall(group, 3))])
    assert not FileUse.objects.exists()


def test_a_center_sees_changes_of_members_by_their_version(group: int) -> None:
    memory, store, now = MemberCache(), store_of(own_platform()), timezone.now()
    assert process(store, memory, [incoming(BOB, text(group))], now).refused == []
    Member.objects.filter(user=BOB).update(state="left")
    with transaction.atomic():
        locked_row = journal.lock_conversations("default", [group])[group]
        locked_row.raise_members_version(2)
        journal.save_changed("default", [locked_row])
    outcome = process(store, memory, [incoming(BOB, text(group)), incoming(ANN, text(group))], now)
    assert [r.code for r in outcome.refused] == [Code.NOT_MEMBER]
    assert set(outcome.members[group]) == {ANN, CEM}
    assert Conversation.objects.get(pk=group).members == 2
