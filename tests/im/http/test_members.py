"""People join and leave a group and change roles."""

from __future__ import annotations

from datetime import timedelta

import pytest

from foundation import clock
from im.models import Entry, Member
from tests.im.http.town import Someone, pushed, someone


def add(who: Someone, number: str, *others: Someone, **more: bool) -> int:
    """Add people to the group; return the HTTP status."""
    body = {"users": [other.id for other in others], **more}
    return who.post(f"conversations/{number}/members", body).status


def test_who_is_added_sees_what_comes_then(anna: Someone, ben: Someone, cara: Someone) -> None:
    number = anna.founds(ben)
    anna.says(number, "before")
    assert add(anna, number, cara) == 200
    anna.says(number, "after")
    entries = cara.log(number)
    assert [entry["cmd"] for entry in entries] == ["member", "msg"]
    assert entries[0]["data"]["users"] == [{"user_id": cara.id, "name": "cara"}]
    assert cara.shown(number)["unread"] == 1
    assert add(anna, number, cara) == 200
    assert len(ben.log(number)) == 4, "the same once more is no entry"


def test_members_neither_add_nor_remove(anna: Someone, ben: Someone, cara: Someone) -> None:
    number = anna.founds(ben)
    assert add(ben, number, cara) == 403
    assert add(ben, number, cara, invite=True) == 403
    assert ben.delete(f"conversations/{number}/members/{anna.id}").status == 403
    assert cara.delete(f"conversations/{number}/members/{anna.id}").status == 404


def test_an_invitation_is_told_accepted_or_declined(
    anna: Someone, ben: Someone, cara: Someone
) -> None:
    cara.post("heartbeat", {"device": "d1"})
    number = anna.founds(name="Secret")
    assert add(anna, number, ben, cara, invite=True) == 200
    notices = [notice for key, notice, _ in pushed() if key == f"u_.{cara.id}"]
    assert notices[0]["data"]["what"] == "invitation"
    assert notices[0]["data"]["name"] == "Secret"
    assert cara.shown(number)["state"] == "invited"
    assert cara.get(f"conversations/{number}/messages").status == 404
    assert cara.get(f"conversations/{number}/members").status == 404
    assert cara.post(f"conversations/{number}/join")["state"] == "active"
    assert cara.post(f"conversations/{number}/join")["state"] == "active"
    assert ben.delete(f"conversations/{number}/members/{ben.id}").status == 200
    assert {*anna.members(number)} == {anna.id, cara.id}
    assert ben.post(f"conversations/{number}/join").status == 404


def test_joining_is_asked_for_and_approved(anna: Someone, ben: Someone, cara: Someone) -> None:
    number = anna.founds(joining="approve")
    assert ben.post(f"conversations/{number}/join")["state"] == "asked"
    assert cara.post(f"conversations/{number}/join")["state"] == "asked"
    assert ben.get(f"conversations/{number}/messages").status == 404
    assert add(anna, number, ben) == 200
    assert anna.delete(f"conversations/{number}/members/{cara.id}").status == 200
    assert {user: member["state"] for user, member in anna.members(number).items()} == {
        anna.id: "active",
        ben.id: "active",
    }


def test_one_walks_into_a_free_group_of_the_own_tenant(
    anna: Someone, ben: Someone, zoe: Someone
) -> None:
    number = anna.founds(joining="free")
    assert zoe.post(f"conversations/{number}/join").status == 404
    assert ben.post(f"conversations/{number}/join")["state"] == "active"
    anna.delete(f"conversations/{number}/members/{ben.id}")
    assert ben.post(f"conversations/{number}/join")["state"] == "asked"


def test_who_leaves_keeps_what_he_has_seen(anna: Someone, ben: Someone) -> None:
    number = anna.founds(ben)
    anna.says(number, "before")
    assert ben.delete(f"conversations/{number}/members/{ben.id}").status == 200
    assert ben.delete(f"conversations/{number}/members/{ben.id}").status == 200
    anna.says(number, "after")
    assert [entry["data"].get("body") for entry in ben.log(number)] == [None, "before", None]
    assert ben.says(number, "still here?") == 0
    mine = ben.shown(number)
    assert (mine["state"], mine["unread"], mine["last_seq"]) == ("left", 0, 3)
    assert anna.shown(number)["members"] == 1


def test_the_owner_hands_over_before_he_leaves(anna: Someone, ben: Someone) -> None:
    number = anna.founds(ben)
    assert anna.delete(f"conversations/{number}/members/{anna.id}").status == 403
    path = f"conversations/{number}/members/{ben.id}"
    assert anna.patch(path, {"role": "owner"}).status == 200
    assert anna.patch(path, {"role": "owner"}).status == 200
    roles = {user: member["role"] for user, member in ben.members(number).items()}
    assert roles == {anna.id: "admin", ben.id: "owner"}
    assert anna.delete(f"conversations/{number}/members/{anna.id}").status == 200


def test_administrators_act_upon_members_only(anna: Someone, ben: Someone, cara: Someone) -> None:
    number = anna.founds(ben, cara)
    people = f"conversations/{number}/members"
    assert ben.patch(f"{people}/{cara.id}", {"role": "admin"}).status == 403
    assert anna.patch(f"{people}/{ben.id}", {"role": "admin"}).status == 200
    assert ben.patch(f"{people}/{anna.id}", {"muted_until": None}).status == 403
    assert ben.delete(f"{people}/{anna.id}").status == 403
    assert ben.delete(f"{people}/{cara.id}").status == 200
    assert ben.delete(f"{people}/{cara.id}").status == 200
    assert cara.shown(number)["state"] == "removed"


def test_one_member_is_muted_until_a_moment(anna: Someone, ben: Someone) -> None:
    number = anna.founds(ben)
    path = f"conversations/{number}/members/{ben.id}"
    until = (clock.now() + timedelta(hours=1)).isoformat()
    assert anna.patch(path, {"muted_until": until}).status == 200
    assert ben.says(number, "hello") == 0
    assert ben.shown(number)["muted_until"] is not None
    assert anna.patch(path, {"muted_until": None}).status == 200
    assert ben.says(number, "hello") > 0


def test_a_foreign_person_comes_in_as_a_contact_only(
    anna: Someone, ben: Someone, zoe: Someone
) -> None:
    number = anna.founds(ben)
    assert add(anna, number, zoe) == 404
    zoe.post("contacts", {"user": anna.id})
    assert add(anna, number, zoe) == 404
    anna.patch(f"contacts/{zoe.id}", {"state": "friend"})
    assert add(anna, number, zoe) == 200
    anna.patch(f"conversations/{number}/members/{ben.id}", {"role": "admin"})
    zoe.delete(f"conversations/{number}/members/{zoe.id}")
    assert add(ben, number, zoe) == 404, "she is no contact of his"


def test_one_unknown_person_and_nobody_comes_in(anna: Someone, ben: Someone) -> None:
    number = anna.founds()
    body = {"users": [ben.id, "nobody"]}
    assert anna.post(f"conversations/{number}/members", body).status == 404
    assert {*anna.members(number)} == {anna.id}


@pytest.mark.usefixtures("platform")
def test_many_members_come_in_at_once_and_no_more_than_fit(
    anna: Someone, django_assert_max_num_queries: object
) -> None:
    from domains.models import Account

    accounts = [
        Account(username=f"p{n}", moid=f"p{n}", domain=anna.account.domain) for n in range(5000)
    ]
    Account.objects.bulk_create(accounts)
    number = anna.founds()
    users = [account.moid for account in accounts]
    assert anna.post(f"conversations/{number}/members", {"users": users})["code"] == "full"
    with django_assert_max_num_queries(25):  # type: ignore[operator]
        added = anna.post(f"conversations/{number}/members", {"users": users[:4999]})
    assert added["changed"] == 4999
    assert Member.objects.filter(conversation=int(number), state="active").count() == 5000
    entry = Entry.objects.get(conversation=int(number), seq=2)
    assert entry.data is not None
    assert (entry.data["count"], len(entry.data["users"])) == (4999, 100)
    part = anna.get(f"conversations/{number}/members")
    assert (len(part["members"]), part["next"] is None) == (500, False)
    joins = someone("late")
    anna.patch(f"conversations/{number}", {"joining": "free"})
    assert joins.post(f"conversations/{number}/join")["code"] == "full"
