"""Circles: a conversation with a wall; joining, roles, leaving; who reads and writes the wall."""

from __future__ import annotations

from im.models import Conversation
from tests.social.people.town import Neighbour


def test_a_circle_is_a_conversation_with_a_wall(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    circle = anna.circle(ben, description="We sing")
    assert anna.says(circle, "hello")
    assert [entry["cmd"] for entry in ben.log(circle)] == ["conversation", "msg"]
    number = ben.posts("score", to=circle)
    assert [moment["moment_id"] for moment in anna.wall(circle)] == [number]
    assert anna.seen() == {number}, "it stands on the timeline as well"
    assert cara.wall(circle) == []
    assert cara.social("GET", f"circles/{circle}").status == 404
    assert cara.social("POST", "moments", {"text": "x", "to": circle}).status == 404
    (mine,) = ben.ask("circles")["circles"]
    assert (mine["description"], mine["role"], mine["members"]) == ("We sing", "member", 2)


def test_a_plain_group_has_no_wall(anna: Neighbour, ben: Neighbour) -> None:
    group = anna.founds(ben)
    assert anna.social("POST", "moments", {"text": "x", "to": group}).status == 404
    assert anna.social("GET", f"circles/{group}/wall").status == 404
    assert anna.ask("circles")["circles"] == []


def test_whoever_leaves_sees_the_wall_no_longer(anna: Neighbour, ben: Neighbour) -> None:
    circle = anna.circle(ben)
    picture = anna.uploads()
    number = anna.posts("", to=circle, files=[picture])
    assert ben.fetches(picture) == 200
    ben.delete(f"conversations/{circle}/members/{ben.id}")
    assert (ben.wall(circle), ben.seen(), ben.fetches(picture)) == ([], set(), 404)
    assert ben.social("GET", f"moments/{number}").status == 404


def test_people_of_the_tenant_join_freely_or_are_let_in(
    anna: Neighbour, ben: Neighbour, cara: Neighbour, zoe: Neighbour
) -> None:
    free, asked = anna.circle(joining="free"), anna.circle(joining="approve")
    closed = anna.circle()
    anna.posts("x", to=free)
    offered = {circle["circle_id"] for circle in ben.ask("circles")["joinable"]}
    assert offered == {free, asked}
    assert zoe.ask("circles")["joinable"] == []
    assert ben.post(f"conversations/{free}/join")["state"] == "active"
    assert cara.post(f"conversations/{asked}/join")["state"] == "asked"
    assert ben.post(f"conversations/{closed}/join").status == 404
    assert len(ben.wall(free)) == 1, "who comes in sees the wall from its beginning"
    assert cara.wall(asked) == []
    anna.post(f"conversations/{asked}/members", {"users": [cara.id]})
    assert cara.ask(f"circles/{asked}")["circle"]["state"] == "active"


def test_those_who_lead_change_a_circle_and_its_wall(anna: Neighbour, ben: Neighbour) -> None:
    circle = anna.circle(ben)
    picture = anna.uploads()
    changed = {"name": "Band", "description": "d", "notice": "n", "picture": picture}
    assert ben.social("PATCH", f"circles/{circle}", changed).status == 403
    assert anna.do("PATCH", f"circles/{circle}", changed)["circle"]["picture"] == picture
    assert ben.fetches(picture) == 200
    assert ben.ask(f"circles/{circle}")["circle"]["name"] == "Band"
    entries = len(ben.log(circle))
    anna.do("PATCH", f"circles/{circle}", changed)
    assert len(ben.log(circle)) == entries, "the same once more is no entry"
    number = ben.posts("x", to=circle)
    own = anna.posts("y", to=circle)
    assert ben.social("DELETE", f"moments/{own}").status == 404
    anna.do("DELETE", f"moments/{number}")
    anna.do("PATCH", f"circles/{circle}", {"mute_all": True})
    assert ben.social("POST", "moments", {"text": "x", "to": circle}).status == 403


def test_a_circle_is_handed_over_left_and_dissolved(anna: Neighbour, ben: Neighbour) -> None:
    circle = anna.circle(ben)
    ben.posts("x", to=circle)
    anna.patch(f"conversations/{circle}/members/{ben.id}", {"role": "owner"})
    assert anna.delete(f"conversations/{circle}/members/{anna.id}").status == 200
    assert ben.delete(f"conversations/{circle}").status == 200
    assert Conversation.objects.get(pk=int(circle)).closed
    assert ben.ask("circles")["circles"] == []
    assert ben.social("POST", "moments", {"text": "x", "to": circle}).status == 409


def test_a_key_founds_one_circle(anna: Neighbour) -> None:
    numbers = set()
    for _ in range(2):
        reply = anna.client.generic(
            "POST", "/api/v1/social/circles", '{"name": "Once"}', content_type="application/json",
            headers={"Authorization": f"Bearer {anna.token}", "Idempotency-Key": "k"},
        )  # fmt: skip
        numbers.add(reply.json()["circle"]["circle_id"])
    assert len(numbers) == 1


def test_a_wall_hides_people_who_block_each_other(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    circle = anna.circle(ben, cara)
    number = ben.posts("x", to=circle)
    cara.patch(f"contacts/{ben.id}", {"state": "blocked"})
    own = cara.posts("y", to=circle)
    assert [moment["moment_id"] for moment in cara.wall(circle)] == [own]
    assert [moment["moment_id"] for moment in ben.wall(circle)] == [number]
    assert len(anna.wall(circle)) == 2
