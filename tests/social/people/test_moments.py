"""Moments: who sees them and what belongs to them, likes, comments, notices, and the timeline's cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.test.utils import CaptureQueriesContext

from foundation import clock
from foundation.cells.directory import own_platform
from im.data import presence_store
from im.data.files import storage
from im.flows import forget_files
from im.models import Contact, File
from im.rules.topology import user_key
from social.data import timeline
from social.models import Moment, MomentExclusion
from tests.im.http.town import pushed
from tests.social.people.town import Neighbour


def online(*people: Neighbour) -> None:
    """Let these people be online, over AMQP."""
    for person in people:
        presence_store.record_device(person.id, "d", "a", clock.now().timestamp())
    pushed()


def notices_to(person: Neighbour) -> list[dict[str, Any]]:
    """Return and forget the staged notices; those to this person."""
    return [body for key, body, more in pushed() if user_key(person.id) in {key, *more}]


def written(author: Neighbour, text: str, **more: Any) -> Moment:
    """Return the row of a moment for contacts, not saved."""
    columns = {"id": clock.next_id(), "place": 0, "kind": "text", "sent_at": clock.now()}
    return Moment(author=author.id, author_name="ben", text=text, **(columns | more))


def test_contacts_see_a_moment_and_others_do_not(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    anna.befriend(ben)
    number = anna.posts("spring")
    assert [moment["text"] for moment in ben.timeline()] == ["spring"]
    assert anna.seen() == {number}
    assert cara.seen() == set()
    assert cara.social("GET", f"moments/{number}").status == 404
    assert cara.social("PUT", f"moments/{number}/like", {}).status == 404
    assert cara.social("POST", f"moments/{number}/comments", {"text": "x"}).status == 404
    anna.delete(f"contacts/{ben.id}")
    assert ben.seen() == set()


def test_an_inclusion_is_frozen_and_an_exclusion_is_looked_at_when_read(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    anna.befriend(ben, cara)
    family, work = anna.labels("family", ben), anna.labels("work", cara)
    only = anna.posts("for family", only_labels=[family])
    without = anna.posts("not for work", except_labels=[work])
    assert (ben.seen(), cara.seen()) == ({only, without}, set())
    anna.do("PUT", f"contacts/{cara.id}/labels", {"labels": [family]})
    anna.do("PUT", f"contacts/{ben.id}/labels", {"labels": [work]})
    assert (ben.seen(), cara.seen()) == ({only}, {without})
    anna.do("DELETE", f"labels/{work}")
    assert ben.seen() == {only}, "a deleted label still excludes"


def test_the_author_learns_before_and_after_who_sees_it(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    anna.befriend(ben, cara)
    family = anna.labels("family", ben)
    before = anna.do("POST", "moments/preview", {"text": "x", "only_labels": [family]})
    assert (before["count"], before["people"]) == (1, [{"user_id": ben.id, "name": "ben"}])
    number = anna.posts("x", only_labels=[family])
    assert anna.ask(f"moments/{number}/readers")["count"] == 1
    assert ben.social("GET", f"moments/{number}/readers").status == 404
    ben.patch(f"contacts/{anna.id}", {"state": "blocked"})
    assert anna.ask(f"moments/{number}/readers")["count"] == 0


def test_a_private_post_is_for_its_author_alone(anna: Neighbour, ben: Neighbour) -> None:
    anna.befriend(ben)
    picture = anna.uploads()
    number = anna.posts("secret", to="self", files=[picture])
    assert ben.social("GET", f"moments/{number}").status == 404
    assert ben.ask(f"people/{anna.id}/moments")["moments"] == []
    assert ben.fetches(picture) == 404
    assert [moment["text"] for moment in anna.ask(f"people/{anna.id}/moments")["moments"]] == [
        "secret"
    ]
    assert anna.seen() == set(), "it stands in the album, not on the timeline"
    (month,) = anna.ask("album")["months"]
    assert month["pictures"] == 1
    (shown,) = anna.ask(f"album?month={month['month']}")["moments"]
    assert shown["moment_id"] == number


def test_files_ask_the_same_rule_as_the_moment_and_go_with_it(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    anna.befriend(ben)
    picture = anna.uploads()
    assert ben.fetches(picture) == 404
    number = anna.posts("", files=[picture])
    (shown,) = ben.timeline()
    assert (shown["kind"], shown["files"][0]["id"]) == ("image", picture)
    assert (ben.fetches(picture), cara.fetches(picture)) == (200, 404)
    anna.patch(f"contacts/{ben.id}", {"state": "blocked"})
    assert ben.fetches(picture) == 404
    anna.do("DELETE", f"moments/{number}")
    forget_files.forget_files(own_platform(), clock.now())
    assert not File.objects.filter(pk=UUID(picture)).exists()
    assert not storage.storage().exists(storage.name_of(picture))


def test_a_file_that_a_message_carries_stays(anna: Neighbour, ben: Neighbour) -> None:
    anna.befriend(ben)
    picture = anna.uploads()
    number = anna.posts("", files=[picture])
    again = anna.posts("", files=[picture])
    anna.do("DELETE", f"moments/{number}")
    forget_files.forget_files(own_platform(), clock.now())
    assert ben.fetches(picture) == 200, "another moment has it"
    anna.do("DELETE", f"moments/{again}")
    assert ben.fetches(picture) == 404


def test_files_that_do_not_fit_are_refused_with_the_field(anna: Neighbour, ben: Neighbour) -> None:
    pictures = [anna.uploads() for _ in range(2)]
    text = anna.uploads(b"just words", "a.txt")
    foreign = ben.uploads()
    for files in ([text], [foreign], [*pictures, text]):
        refused = anna.social("POST", "moments", {"text": "x", "files": files})
        assert refused.status in (400, 404)
        assert refused["description"].startswith("files:")
    assert anna.social("POST", "moments", {"text": " "}).status == 400
    ten = anna.social("POST", "moments", {"files": [pictures[0]] * 10})
    assert (ten.status, ten["description"].split(":")[0]) == (400, "files")
    assert not Moment.objects.exists()


def test_the_same_request_posts_and_comments_once(anna: Neighbour, ben: Neighbour) -> None:
    anna.befriend(ben)
    assert anna.posts("x", client_id="k") == anna.posts("x", client_id="k")
    (number,) = ben.seen()
    body = {"text": "nice", "client_id": "c"}
    ids = {ben.do("POST", f"moments/{number}/comments", body)["comment_id"] for _ in range(2)}
    assert len(ids) == 1
    assert ben.timeline()[0]["comments"] == 1


def test_likes_and_comments_are_counted_and_answered(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    anna.befriend(ben, cara)
    number = anna.posts("x")
    for _ in range(2):
        assert ben.do("PUT", f"moments/{number}/like")["likes"] == 1
    assert cara.do("PUT", f"moments/{number}/like")["likes"] == 2
    assert ben.do("DELETE", f"moments/{number}/like")["likes"] == 1
    first = ben.do("POST", f"moments/{number}/comments", {"text": "first"})["comment_id"]
    cara.do("POST", f"moments/{number}/comments", {"text": "reply", "reply_to": int(first)})
    comments = anna.ask(f"moments/{number}/comments")["comments"]
    assert [(comment["text"], comment["reply_to"]) for comment in comments] == [
        ("first", None),
        ("reply", first),
    ]
    assert cara.social("DELETE", f"moments/{number}/comments/{first}").status == 404
    anna.do("DELETE", f"moments/{number}/comments/{first}")
    assert [moment["comments"] for moment in cara.timeline()] == [1]


def test_people_who_block_each_other_do_not_meet_under_a_friends_moment(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    anna.befriend(ben, cara)
    number = anna.posts("x")
    ben.do("PUT", f"moments/{number}/like")
    comment = ben.do("POST", f"moments/{number}/comments", {"text": "mine"})["comment_id"]
    ben.patch(f"contacts/{cara.id}", {"state": "blocked"})
    (seen,) = cara.timeline()
    assert (seen["likes"], seen["comments"]) == (0, 0)
    assert cara.ask(f"moments/{number}/comments")["comments"] == []
    assert cara.ask(f"moments/{number}/like")["people"] == []
    answer = {"text": "x", "reply_to": int(comment)}
    assert cara.social("POST", f"moments/{number}/comments", answer).status == 404
    assert anna.timeline()[0]["likes"] == 1


def test_notices_are_grouped_and_vanish_with_their_reason(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    anna.befriend(ben, cara)
    number = anna.posts("x")
    for person in (ben, cara):
        person.do("PUT", f"moments/{number}/like")
    comment = ben.do("POST", f"moments/{number}/comments", {"text": "a"})["comment_id"]
    cara.do("POST", f"moments/{number}/comments", {"text": "b", "reply_to": int(comment)})
    shown = anna.ask("notices")
    assert {(notice["what"], notice["count"]) for notice in shown["notices"]} == {
        ("liked", 2),
        ("commented", 2),
    }
    liked = next(notice for notice in shown["notices"] if notice["what"] == "liked")
    assert [liker["name"] for liker in liked["people"]] == ["cara", "ben"]
    assert [(notice["what"], notice["count"]) for notice in ben.ask("notices")["notices"]] == [
        ("replied", 1)
    ]
    anna.do("PUT", "notices", {"last_id": int(shown["notices"][0]["last_id"])})
    assert anna.ask("notices")["unseen"] == 0
    cara.do("DELETE", f"moments/{number}/like")
    anna.delete(f"contacts/{ben.id}")
    assert ben.ask("notices")["notices"] == [], "who sees the moment no longer has no notice of it"
    anna.do("DELETE", f"moments/{number}")
    assert anna.ask("notices")["notices"] == []


def test_those_who_see_a_moment_are_notified_in_one_message(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    anna.befriend(ben, cara)
    family = anna.labels("family", ben)
    online(anna, ben, cara)
    number = anna.posts("x", only_labels=[family])
    ((key, body, more),) = pushed()
    assert (body["cmd"], body["data"]["moment_id"]) == ("moment", number)
    assert {key, *more} == {"people", user_key(anna.id), user_key(ben.id)}
    ben.do("PUT", f"moments/{number}/like")
    (notice,) = notices_to(anna)
    assert (notice["cmd"], notice["data"]["what"]) == ("reaction", "liked")
    ben.do("PUT", f"moments/{number}/like")
    assert pushed() == [], "the same like once more tells nobody"
    anna.do("DELETE", f"moments/{number}")
    assert notices_to(ben)[0]["data"]["what"] == "deleted"


def test_a_page_of_the_timeline_takes_seven_queries_at_most(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    anna.befriend(ben, cara)
    circle = anna.circle(ben)
    work = ben.labels("work", anna)
    posted = [written(ben, str(index), has_except=index % 3 > 0) for index in range(70)]
    written_on_wall = [written(ben, str(index), place=int(circle)) for index in range(70)]
    Moment.objects.bulk_create([*posted, *written_on_wall])
    MomentExclusion.objects.bulk_create(
        MomentExclusion(moment_id=post.id, label_id=int(work)) for post in posted if post.has_except
    )
    rows = [
        Contact(owner=anna.id, other=f"nobody-{index}", state="friend") for index in range(1500)
    ]
    Contact.objects.bulk_create(rows)
    with CaptureQueriesContext(connection) as captured:
        page = timeline.timeline_page("default", anna.id, None, 20)
    assert len(page.posts) == 20
    assert len(captured) <= 7
    assert len(anna.timeline()) == 24 + 70


def test_a_page_goes_back_thirty_days_from_where_it_begins(anna: Neighbour, ben: Neighbour) -> None:
    anna.befriend(ben)
    ben.posts("new")
    now = clock.now()
    for days in (20, 45, 200):
        at = now - timedelta(days=days)
        written(ben, str(days), id=clock.id_at(at), sent_at=at).save()
    assert [moment["text"] for moment in anna.timeline()] == ["new", "20"]
    older = anna.ask(f"moments?before={clock.id_at(now - timedelta(days=30))}")
    assert [moment["text"] for moment in older["moments"]] == ["45"]
    everything = anna.ask(f"people/{ben.id}/moments")["moments"]
    assert [moment["text"] for moment in everything] == ["new", "20", "45", "200"]
