"""Contacts and presence: asked and accepted, blocked without a word, told once."""

from __future__ import annotations

from domains.flows import change
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import PlatformDomain, ServiceDomain, UserDomain
from foundation import clock
from im.flows import presence
from tests.im.http.town import OTHER_TENANT, Someone, other_tenant, pushed, someone


def states(who: Someone) -> dict[str, str]:
    """Return the states in a person's list of contacts."""
    return {contact["user_id"]: contact["state"] for contact in who.get("contacts")["contacts"]}


def befriend(one: Someone, other: Someone) -> None:
    """Ask, and accept."""
    assert one.post("contacts", {"user": other.id})["state"] == "asking"
    assert other.patch(f"contacts/{one.id}", {"state": "friend"})["state"] == "friend"


def pending_notices() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the pending notices for contacts: user, state, recipients."""
    notes = presence.pending_notices(clock.now())
    return [(n.data["user_id"], n.data["state"], n.users) for n in notes]


def test_a_person_of_another_tenant_becomes_a_contact(anna: Someone, zoe: Someone) -> None:
    assert anna.get("people?name=ZOE")["person"] == {"user_id": zoe.id, "name": "zoe"}
    assert anna.get("people?name=zo").status == 404
    assert anna.post("conversations", {"kind": "direct", "user": zoe.id}).status == 404
    assert zoe.patch(f"contacts/{anna.id}", {"state": "friend"}).status == 404, "nobody asked"
    assert anna.post("contacts", {"name": "zoe"})["user_id"] == zoe.id
    assert (states(anna), states(zoe)) == ({zoe.id: "asking"}, {anna.id: "asked"})
    assert anna.post("conversations", {"kind": "direct", "user": zoe.id}).status == 404
    assert zoe.patch(f"contacts/{anna.id}", {"state": "friend"}).status == 200
    assert (states(anna), states(zoe)) == ({zoe.id: "friend"}, {anna.id: "friend"})
    number = anna.writes_to(zoe)
    assert anna.says(number, "hello") == 1


def test_people_of_two_tenants_find_each_other_only_if_both_are_open(
    anna: Someone, zoe: Someone
) -> None:
    assert not UserDomain().findable
    for closed in (DEMO_TENANT, OTHER_TENANT):
        change.change(closed, findable=False)
        for me, other in ((anna, zoe), (zoe, anna)):
            assert me.get(f"people?name={other.account.username}").status == 404
            assert me.post("contacts", {"name": other.account.username}).status == 404
            assert me.post("contacts", {"user": other.id}).status == 404
        change.change(closed, findable=True)
    befriend(anna, zoe)
    change.change(OTHER_TENANT, findable=False)
    assert states(anna) == {zoe.id: "friend"}, "who knows each other stays so"


def test_whoever_belongs_to_another_platform_is_not_found(anna: Someone) -> None:
    parent = ServiceDomain.objects.get()
    change.save_domain(PlatformDomain(moid="west", name="west", parent=parent, e164_prefix="8899"))
    other_tenant("u-west", "west")
    will = someone("will", "u-west")
    assert anna.get("people?name=will").status == 404
    assert anna.post("contacts", {"user": will.id}).status == 404
    assert anna.post("conversations", {"kind": "direct", "user": will.id}).status == 404
    group = anna.founds()
    assert anna.post(f"conversations/{group}/members", {"users": [will.id]}).status == 404


def test_who_ask_each_other_are_friends(anna: Someone, ben: Someone) -> None:
    anna.post("contacts", {"user": ben.id})
    anna.post("contacts", {"user": ben.id})
    assert ben.post("contacts", {"user": anna.id})["state"] == "friend"
    assert anna.patch(f"contacts/{ben.id}", {"name": "Benny"}).status == 200
    assert [contact["name"] for contact in anna.get("contacts")["contacts"]] == ["Benny"]
    assert anna.delete(f"contacts/{ben.id}").status == 200
    assert anna.delete(f"contacts/{ben.id}").status == 200
    assert states(anna) == states(ben) == {}


def test_who_is_blocked_cannot_write_and_is_not_told(anna: Someone, ben: Someone) -> None:
    befriend(anna, ben)
    number = anna.writes_to(ben)
    ben.post("heartbeat", {"device": "d1"})
    pushed()
    assert anna.patch(f"contacts/{ben.id}", {"state": "blocked"})["state"] == "blocked"
    assert anna.patch(f"contacts/{ben.id}", {"state": "blocked"})["state"] == "blocked"
    assert ben.says(number, "hello?") == 0
    assert anna.says(number, "hello") == 1
    assert ben.shown(number)["muted_until"] is None
    assert ben.get("people?name=anna").status == 404
    assert ben.post("contacts", {"user": anna.id}).status == 404
    assert states(ben) == {}
    anna.delete(f"contacts/{ben.id}")
    assert ben.says(number, "hello!") == 2


def test_a_block_holds_before_the_first_word(anna: Someone, ben: Someone) -> None:
    anna.patch(f"contacts/{ben.id}", {"state": "blocked"})
    assert ben.post("conversations", {"kind": "direct", "user": anna.id}).status == 404
    number = anna.writes_to(ben)
    assert ben.says(number, "hello") == 0
    group = ben.post("conversations", {"kind": "group", "name": "x", "users": [anna.id]})
    assert group.status == 404


def test_blocking_somebody_foreign_does_not_reach_him(anna: Someone, zoe: Someone) -> None:
    anna.patch(f"contacts/{zoe.id}", {"state": "blocked"})
    assert anna.post("conversations", {"kind": "direct", "user": zoe.id}).status == 404
    assert states(zoe) == {}


def test_contacts_are_told_of_each_change_once(anna: Someone, ben: Someone, cara: Someone) -> None:
    befriend(anna, ben)
    pending_notices()
    anna.post("heartbeat", {"device": "d1"})
    assert pending_notices() == [(anna.id, "online", (ben.id,))]
    assert pending_notices() == []
    for state in ("busy", "away", "busy"):
        assert anna.put("presence", {"state": state})["state"] == state
    assert pending_notices() == [(anna.id, "busy", (ben.id,))]
    assert ben.get("presence")["contacts"] == {anna.id: "busy"}
    assert cara.get("presence")["contacts"] == {}


def test_who_is_invisible_or_hides_seems_to_be_offline(anna: Someone, ben: Someone) -> None:
    befriend(anna, ben)
    anna.post("heartbeat", {"device": "d1"})
    assert anna.put("presence", {"state": "invisible"})["state"] == "invisible"
    assert pending_notices() == [(anna.id, "offline", (ben.id,))]
    anna.put("presence", {"state": "online"})
    assert pending_notices() == [(anna.id, "online", (ben.id,))]
    assert anna.put("presence", {"hidden": True})["hidden"] is True
    assert pending_notices() == [(anna.id, "offline", (ben.id,))]
    assert ben.get("presence")["contacts"] == {anna.id: "offline"}
    assert ben.get("contacts")["contacts"][0]["presence"] == "offline"
    anna.put("presence", {"state": "busy"})
    assert pending_notices() == [], "nobody sees that she is there"
    anna.post("heartbeat", {"device": "d2"})
    assert pending_notices() == []
