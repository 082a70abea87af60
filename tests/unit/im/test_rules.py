"""The rules decide who may do what in a conversation, for every role, kind and state."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from im.flows.ephemeral import notice_contents
from im.rules import conversation_decisions
from im.rules.conversation_decisions import DenyReason, Group, GroupAction, Standing, VisibleRange
from im.rules.vocabulary import BODY_BYTES, MAX_MEMBERS, Joining, Kind, Membership, Role

GROUPS = st.builds(
    Group,
    kind=st.sampled_from(Kind),
    joining=st.sampled_from(Joining),
    closed=st.booleans(),
    members=st.integers(0, MAX_MEMBERS),
)
STANDINGS = st.builds(Standing, role=st.sampled_from(Role), state=st.sampled_from(Membership))
ACTS = st.sampled_from(GroupAction)
OWNER, ADMIN, MEMBER = (Standing(role) for role in (Role.OWNER, Role.ADMIN, Role.MEMBER))
GROUP = Group(Kind.GROUP, members=3)


@given(ACTS, GROUPS, st.none() | STANDINGS, st.none() | STANDINGS)
def test_whoever_is_not_in_learns_nothing(
    act: GroupAction, group: Group, who: Standing | None, whom: Standing | None
) -> None:
    if who is None or who.state is not Membership.ACTIVE:
        assert conversation_decisions.deny_reason(act, group, who, whom) is DenyReason.NOT_FOUND


@given(ACTS, GROUPS, STANDINGS, st.none() | STANDINGS)
def test_a_higher_role_may_what_a_lower_one_may(
    act: GroupAction, group: Group, who: Standing, whom: Standing | None
) -> None:
    if (
        act is not GroupAction.LEAVE
        and conversation_decisions.deny_reason(act, group, who, whom) is None
    ):
        for role in Role:
            if conversation_decisions.RANK[role] > conversation_decisions.RANK[who.role]:
                assert conversation_decisions.deny_reason(act, group, Standing(role), whom) is None


@given(ACTS, GROUPS, STANDINGS, STANDINGS)
def test_nobody_acts_upon_an_equal_or_a_higher_one(
    act: GroupAction, group: Group, who: Standing, whom: Standing
) -> None:
    upon = {GroupAction.REMOVE, GroupAction.MUTE, GroupAction.PROMOTE, GroupAction.HAND_OVER}
    if act in upon and conversation_decisions.deny_reason(act, group, who, whom) is None:
        assert conversation_decisions.RANK[whom.role] < conversation_decisions.RANK[who.role]
        assert whom.role is not Role.OWNER


@given(ACTS, GROUPS, STANDINGS, st.none() | STANDINGS)
def test_in_a_closed_conversation_one_can_only_leave(
    act: GroupAction, group: Group, who: Standing, whom: Standing | None
) -> None:
    if group.closed and conversation_decisions.deny_reason(act, group, who, whom) is None:
        assert act is GroupAction.LEAVE


@given(ACTS, GROUPS, STANDINGS, st.none() | STANDINGS)
def test_outside_of_groups_one_can_only_pin(
    act: GroupAction, group: Group, who: Standing, whom: Standing | None
) -> None:
    if (
        group.kind is not Kind.GROUP
        and conversation_decisions.deny_reason(act, group, who, whom) is None
    ):
        assert act is GroupAction.PIN


def test_an_owner_hands_over_before_he_leaves() -> None:
    assert (
        conversation_decisions.deny_reason(GroupAction.LEAVE, GROUP, OWNER)
        is DenyReason.NOT_ALLOWED
    )
    assert conversation_decisions.deny_reason(GroupAction.HAND_OVER, GROUP, OWNER, MEMBER) is None
    assert conversation_decisions.deny_reason(GroupAction.LEAVE, GROUP, ADMIN) is None


def test_members_invite_where_joining_is_free() -> None:
    assert (
        conversation_decisions.deny_reason(GroupAction.INVITE, GROUP, MEMBER)
        is DenyReason.NOT_ALLOWED
    )
    assert (
        conversation_decisions.deny_reason(
            GroupAction.INVITE, Group(Kind.GROUP, Joining.FREE), MEMBER
        )
        is None
    )
    assert (
        conversation_decisions.deny_reason(GroupAction.ADD, Group(Kind.GROUP, Joining.FREE), MEMBER)
        is DenyReason.NOT_ALLOWED
    )


@given(GROUPS, st.none() | STANDINGS)
def test_a_stranger_of_another_domain_never_comes_in_by_himself(
    group: Group, who: Standing | None
) -> None:
    decision = conversation_decisions.decide_join(group, who, is_same_domain=False)
    state = who.state if who else None
    if state not in (Membership.ACTIVE, Membership.INVITED):
        assert decision is DenyReason.NOT_FOUND


@given(GROUPS, st.none() | STANDINGS, st.booleans())
def test_nobody_joins_a_full_or_closed_group(
    group: Group, who: Standing | None, same: bool
) -> None:
    before = who.state if who else None
    if (group.closed or group.members >= MAX_MEMBERS) and before is not Membership.ACTIVE:
        assert conversation_decisions.decide_join(group, who, same) is not Membership.ACTIVE


@pytest.mark.parametrize(
    ("how", "before", "becomes"),
    [
        (Joining.FREE, None, Membership.ACTIVE),
        (Joining.FREE, Membership.LEFT, Membership.ACTIVE),
        (Joining.FREE, Membership.REMOVED, Membership.ASKED),
        (Joining.APPROVE, None, Membership.ASKED),
        (Joining.INVITE, None, DenyReason.NOT_FOUND),
        (Joining.INVITE, Membership.REMOVED, DenyReason.NOT_FOUND),
        (Joining.INVITE, Membership.INVITED, Membership.ACTIVE),
    ],
)
def test_how_one_comes_into_a_group(
    how: Joining, before: Membership | None, becomes: Membership | DenyReason
) -> None:
    who = Standing(state=before) if before else None
    assert (
        conversation_decisions.decide_join(Group(Kind.GROUP, how), who, is_same_domain=True)
        == becomes
    )


USERS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(GROUPS, st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(Membership)), USERS)
def test_adding_again_changes_nothing(
    group: Group, known: dict[str, Membership], users: list[str]
) -> None:
    changed = conversation_decisions.decide_add(group, known, users, invite=False)
    if isinstance(changed, DenyReason):
        assert group.members + len(users) > MAX_MEMBERS
        return
    assert set(changed.values()) <= {Membership.ACTIVE}
    assert conversation_decisions.decide_add(group, known | changed, users, invite=False) == {}
    assert conversation_decisions.decide_add(group, known | changed, users, invite=True) == {}


@given(
    st.lists(st.integers(1, 90), unique=True, max_size=conversation_decisions.MAX_PINS),
    st.integers(1, 90),
)
def test_pins_are_few_and_unlike(pins: list[int], seq: int) -> None:
    after = conversation_decisions.pins_after(pins, seq, on=True)
    if isinstance(after, DenyReason):
        assert len(pins) == conversation_decisions.MAX_PINS
        assert seq not in pins
    else:
        assert seq in after
        assert len(set(after)) == len(after) <= conversation_decisions.MAX_PINS
        assert seq not in conversation_decisions.pins_after(after, seq, on=False)


SEQ = st.integers(0, 300)


@given(SEQ, st.none() | SEQ, SEQ, SEQ, st.integers(1, 100))
def test_pages_both_ways_show_all_that_one_sees_and_nothing_else(
    since: int, until: int | None, cleared: int, last: int, count: int
) -> None:
    visible = conversation_decisions.visible_range(since, until, cleared, last)
    expected = [
        seq
        for seq in range(1, last + 1)
        if seq > max(since, cleared) and (until is None or seq <= until)
    ]
    up: list[int] = []
    down: list[int] = []
    position = 0
    while (page := visible.after(position, count))[0] < page[1]:
        up += range(page[0] + 1, page[1] + 1)
        position = page[1]
    position = last + 1
    while (page := visible.before(position, count))[0] < page[1]:
        down = [*range(page[0] + 1, page[1] + 1), *down]
        position = page[0] + 1
    assert up == down == expected


def test_a_sight_is_never_upside_down() -> None:
    assert VisibleRange(5, 5).after(0, 10) == (5, 5)
    assert conversation_decisions.visible_range(9, 3, 0, 20) == VisibleRange(3, 3)


# ---- contacts -----------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(st.sampled_from(conversation_decisions.ContactAction), st.booleans()), max_size=12
)


@given(STEPS)
def test_friends_are_friends_on_both_sides_whatever_was_done(
    steps: list[tuple[conversation_decisions.ContactAction, bool]],
) -> None:
    own, other = conversation_decisions.NOBODY, conversation_decisions.NOBODY
    for wish, by_one in steps:
        result = conversation_decisions.decide_contact(
            wish, *((own, other) if by_one else (other, own))
        )
        if not isinstance(result, DenyReason):
            assert conversation_decisions.decide_contact(wish, *result) == result, (
                "the same once more changes nothing"
            )
            own, other = result if by_one else result[::-1]
        assert (own == conversation_decisions.FRIEND) == (other == conversation_decisions.FRIEND)
        assert (own == conversation_decisions.ASKING) == (other == conversation_decisions.ASKED)
        assert (own == conversation_decisions.ASKED) == (other == conversation_decisions.ASKING)


@given(STEPS)
def test_only_who_has_blocked_ends_a_block(
    steps: list[tuple[conversation_decisions.ContactAction, bool]],
) -> None:
    own, other = conversation_decisions.BLOCKED, conversation_decisions.NOBODY
    for wish, _ in steps:
        result = conversation_decisions.decide_contact(wish, other, own)
        if not isinstance(result, DenyReason):
            other, own = result
        assert own == conversation_decisions.BLOCKED
        assert other in (conversation_decisions.NOBODY, conversation_decisions.BLOCKED)


def test_what_a_device_lacks_is_told_in_parts_that_every_client_takes() -> None:
    lacked = {10**18 + number: 10**9 for number in range(2501)}
    parts = notice_contents(lacked)
    assert [len(part) for part in parts] == [1000, 1000, 501]
    assert {int(number): top for part in parts for number, top in part.items()} == lacked
    assert all(len(orjson.dumps(part)) < BODY_BYTES for part in parts)
    assert notice_contents({}) == []
