"""The rules decide who may write and do what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from im.rules import message_decisions as rules
from im.rules.message_decisions import Accepted, ConversationFacts, Duplicate, MemberFacts, Rejected
from im.rules.messages import Edit, IncomingRequest, React, Read, Recall, Say, StoredEntry
from im.rules.vocabulary import Cmd, Code, Kind, Role, Type

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
moments = st.timedeltas(-timedelta(days=1), timedelta(days=1)).map(lambda past: NOW + past)
places = st.builds(
    ConversationFacts,
    st.sampled_from(Kind),
    st.booleans(),
    st.booleans(),
    st.integers(0, 20),
    st.integers(0, 1000),
)
people = st.builds(
    MemberFacts,
    st.just(1),
    st.sampled_from(["ann", "bob"]),
    st.just("Ann"),
    st.sampled_from(Role),
    st.none() | moments,
    st.integers(0, 20),
)
targets = st.none() | st.builds(
    StoredEntry,
    st.just(7),
    st.integers(1, 20),
    st.sampled_from([Cmd.MSG, Cmd.MSG, Cmd.READ]),
    st.sampled_from(["ann", "bob"]),
    st.just("Ann"),
    st.none(),
    st.sampled_from(Type),
    st.sampled_from(["one", "two"]),
    st.none(),
    st.just(1),
    moments,
    st.none() | st.integers(1, 20),
    st.none() | st.integers(1, 20),
)


def by(person: MemberFacts, wish: Say | Edit | Recall | React | Read) -> IncomingRequest:
    return IncomingRequest(person.user, "", wish, "m-1")


@given(places, people)
def test_who_speaks_is_in_the_conversation_and_not_muted(
    place: ConversationFacts, person: MemberFacts
) -> None:
    if rules.why_may_not_write(place, person, NOW) is None:
        assert not place.closed
        assert person.muted_until is None or person.muted_until <= NOW
        assert person.role is not Role.MEMBER or not place.mute_all
    assert rules.why_may_not_write(place, None, NOW) == rules.NOT_MEMBER


@given(places, people, st.integers(0, 30))
def test_an_answer_is_to_something_that_the_writer_sees(
    place: ConversationFacts, person: MemberFacts, to: int
) -> None:
    wish = Say(7, Type.TEXT, "hi", reply_to=to)
    answer = rules.decide_say(by(person, wish), wish, place, person)
    assert isinstance(answer, Accepted) == (to == 0 or person.since_seq < to <= place.last_seq)


@given(people, targets)
def test_only_ones_own_texts_are_edited_and_never_recalled_ones(
    person: MemberFacts, target: StoredEntry | None
) -> None:
    wish = Edit(7, 1, "two")
    answer = rules.decide_edit(by(person, wish), wish, person, target, [])
    if isinstance(answer, Accepted | Duplicate):
        assert target is not None
        assert (target.sender, target.type, target.recalled_seq) == (person.user, "text", None)
        assert target.seq > person.since_seq
        assert isinstance(answer, Duplicate) == (target.body == "two")


@given(people, targets)
def test_only_administrators_take_back_what_is_others_or_old(
    person: MemberFacts, target: StoredEntry | None
) -> None:
    answer = rules.decide_recall(by(person, Recall(7, 1)), person, target, NOW)
    if isinstance(answer, Accepted):
        assert target is not None
        assert answer.gone
        old = NOW - target.sent_at > timedelta(seconds=120)
        if person.role is Role.MEMBER:
            assert target.sender == person.user
            assert not old
    if target is not None and target.recalled_seq is not None:
        assert not isinstance(answer, Accepted)


@given(people, targets)
def test_one_reacts_to_messages_that_one_sees(
    person: MemberFacts, target: StoredEntry | None
) -> None:
    wish = React(7, 1, "!", on=True)
    answer = rules.decide_react(by(person, wish), wish, person, target, None)
    sees = target is not None and target.cmd is Cmd.MSG and target.seq > person.since_seq
    assert isinstance(answer, Accepted) == (
        sees and target is not None and target.recalled_seq is None
    )


@given(people, targets, st.booleans(), st.booleans())
def test_the_same_reaction_again_is_the_entry_that_is_there(
    person: MemberFacts, target: StoredEntry | None, was: bool, on: bool
) -> None:
    wish = React(7, 1, "!", on=on)
    last = StoredEntry(
        7, 9, Cmd.REACT, person.user, "", None, "", "", {"on": was}, 1, NOW, None, None
    )
    answer = rules.decide_react(by(person, wish), wish, person, target, last)
    if not isinstance(answer, Rejected):
        assert (answer == Duplicate(9)) == (was is on)


@given(places, people, st.integers(1, 30), st.integers(0, 20))
def test_a_read_mark_goes_forward_only(
    place: ConversationFacts, person: MemberFacts, seq: int, had: int
) -> None:
    wish = Read(7, seq)
    answer = rules.decide_read(by(person, wish), wish, place, person, had)
    if seq > place.last_seq:
        assert answer == Rejected(
            Code.UNKNOWN_MESSAGE, "the conversation has no entry with this seq yet"
        )
    else:
        assert isinstance(answer, Accepted) == (had < seq and place.members <= 500)


def test_a_message_is_not_edited_for_ever() -> None:
    person = MemberFacts(1, "ann", "Ann", Role.MEMBER, None, 0)
    about = (7, 1, Cmd.MSG, "ann", "Ann", None, "text", "one", None, 1, NOW)
    wish = Edit(7, 1, "two")
    answer = rules.decide_edit(by(person, wish), wish, person, StoredEntry(*about), [*range(50)])
    assert isinstance(answer, Rejected)
    assert answer.code == Code.TOO_LATE
