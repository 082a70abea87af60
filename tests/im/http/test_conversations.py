"""Conversations over HTTP: made once, listed with what is unread, changed by those who may."""

from __future__ import annotations

from tests.im.http.town import Someone, pushed


def test_two_people_have_one_conversation_whoever_begins(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    assert ben.writes_to(anna) == anna.writes_to(ben) == number
    assert anna.shown(number)["name"] == "ben"
    assert ben.shown(number)["user_id"] == anna.id


def test_nobody_writes_to_himself_or_to_nobody(anna: Someone) -> None:
    for user in (anna.id, "nobody"):
        refused = anna.post("conversations", {"kind": "direct", "user": user})
        assert (refused.status, refused["code"]) == (404, "not_found")


def test_a_group_is_told_to_its_members(anna: Someone, ben: Someone, cara: Someone) -> None:
    for person in (anna, ben):
        assert person.post("heartbeat", {"device": "d1", "way": "mqtt"}).status == 200
    number = anna.founds(ben, cara)
    [(key, message, more)] = pushed()
    assert key == f"c_{number}"
    assert more == {f"in.u{anna.id}", f"in.u{ben.id}"}
    assert (message["cmd"], message["data"]["what"], message["data"]["seq"]) == (
        "conversation",
        "created",
        1,
    )
    roles = {user: person["role"] for user, person in cara.members(number).items()}
    assert roles == {anna.id: "owner", ben.id: "member", cara.id: "member"}


def test_the_same_key_gives_the_same_group(anna: Someone, ben: Someone) -> None:
    wanted = {"kind": "group", "name": "Once", "users": [ben.id]}
    numbers = {
        anna.post("conversations", wanted, **{"Idempotency-Key": key})["conversation"][
            "conversation_id"
        ]
        for key in ("k1", "k1", "k2")
    }
    assert len(numbers) == 2
    assert len(ben.get("conversations")["conversations"]) == 2


def test_the_list_says_what_is_unread_and_what_was_said_last(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    for word in ("one", "two", "three"):
        anna.says(number, word)
    [mine] = ben.get("conversations")["conversations"]
    assert (mine["unread"], mine["last_seq"], mine["read_seq"]) == (3, 3, 0)
    assert mine["last"]["data"]["body"] == "three"
    assert anna.shown(number)["unread"] == 0
    assert ben.put(f"conversations/{number}/read", {"seq": 2}).status == 200
    assert ben.shown(number)["unread"] == 1
    assert anna.log(number)[-1]["cmd"] == "read"


def test_the_list_says_who_was_mentioned(anna: Someone, ben: Someone, cara: Someone) -> None:
    number = anna.founds(ben, cara)
    anna.says(number, "for all")
    seq = anna.says(number, "hello ben", mentions=(ben.id,))
    anna.says(number, "more")
    assert ben.shown(number)["mentioned_seq"] == seq
    assert cara.shown(number)["mentioned_seq"] is None
    everybody = anna.says(number, "hello", mentions=("all",))
    assert cara.shown(number)["mentioned_seq"] == everybody
    ben.put(f"conversations/{number}/read", {"seq": everybody})
    assert ben.shown(number)["mentioned_seq"] is None


def test_the_list_comes_in_parts(anna: Someone, ben: Someone) -> None:
    numbers = [anna.founds(ben, name=f"group {n}") for n in range(5)]
    ids, after = [], "0"
    while after:
        part = anna.get(f"conversations?after={after}&count=2")
        ids += [conversation["conversation_id"] for conversation in part["conversations"]]
        after = part["next"]
    assert ids == numbers


def test_only_those_who_lead_change_a_group(anna: Someone, ben: Someone) -> None:
    number = anna.founds(ben)
    changed = {"name": "Climbers", "notice": "Ropes!", "joining": "free", "mute_all": True}
    refused = ben.patch(f"conversations/{number}", changed)
    assert (refused.status, refused["code"]) == (403, "not_allowed")
    assert anna.patch(f"conversations/{number}", changed).status == 200
    shown = ben.shown(number)
    assert {name: shown[name] for name in changed} == changed
    entry = ben.log(number)[-1]
    assert (entry["cmd"], entry["data"]["what"]) == ("conversation", "changed")
    assert entry["data"]["name"] == "Climbers"
    assert anna.patch(f"conversations/{number}", changed).status == 200
    assert len(ben.log(number)) == 2, "the same once more is no entry"
    assert ben.says(number, "hush") == 0


def test_a_dissolved_group_keeps_what_was_said(anna: Someone, ben: Someone) -> None:
    number = anna.founds(ben)
    anna.says(number, "hello")
    assert ben.delete(f"conversations/{number}").status == 403
    assert anna.delete(f"conversations/{number}").status == 200
    assert anna.delete(f"conversations/{number}").status == 200
    assert anna.says(number, "anybody?") == 0
    refused = anna.patch(f"conversations/{number}", {"name": "again"})
    assert (refused.status, refused["code"]) == (409, "closed")
    assert [entry["cmd"] for entry in ben.log(number)] == ["conversation", "msg", "conversation"]


def test_messages_are_pinned_for_all(anna: Someone, ben: Someone, cara: Someone) -> None:
    number = anna.writes_to(ben)
    seqs = [anna.says(number, str(n)) for n in range(3)]
    for seq in (seqs[0], seqs[2], seqs[0]):
        assert ben.put(f"conversations/{number}/pins/{seq}").status == 200
    assert anna.shown(number)["pins"] == [seqs[0], seqs[2]]
    assert ben.delete(f"conversations/{number}/pins/{seqs[0]}")["pins"] == [seqs[2]]
    assert ben.put(f"conversations/{number}/pins/99").status == 404
    group = anna.founds(ben, cara)
    anna.says(group, "x")
    assert ben.put(f"conversations/{group}/pins/2").status == 403


def test_at_most_fifty_are_pinned(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    for n in range(51):
        anna.says(number, str(n))
    answers = [anna.put(f"conversations/{number}/pins/{n + 1}").status for n in range(51)]
    assert answers == [200] * 50 + [409]
    assert anna.put(f"conversations/{number}/pins/50").status == 200
    assert anna.put(f"conversations/{number}/pins/52").status == 404, "no message"


def test_quiet_and_pinned_are_for_oneself(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    mine = anna.patch(f"conversations/{number}/mine", {"quiet": True, "pinned": True})
    assert mine["conversation"]["quiet"] is mine["conversation"]["pinned"] is True
    assert ben.shown(number)["quiet"] is False
    assert anna.shown(number)["last_seq"] == 0


def test_a_conversation_is_listed_in_few_queries(
    anna: Someone, ben: Someone, django_assert_max_num_queries: object
) -> None:
    for n in range(20):
        number = anna.founds(ben, name=f"group {n}")
        anna.says(number, "hello")
    anna.writes_to(ben)
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        assert len(ben.get("conversations")["conversations"]) == 21
