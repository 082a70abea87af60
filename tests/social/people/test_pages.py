"""The pages of contacts, persons, circles, moments, album and profile: forms that do what the API does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from domains.models import Account
from foundation.cells.directory import own_platform
from im.api.base import StrictLimit
from social.flows.texts import send_due_texts
from social.models import Moment
from tests.social.people.town import Neighbour, picture
from tests.web_clients import Browser

PAGES = ("", "me/", "moments/", "album/", "circles/")


def browser_of(person: Neighbour) -> Browser:
    """Return a browser in which a person has signed in."""
    browser = Browser()
    browser.force_login(Account.objects.get(pk=person.account.pk))
    return browser


def text_of(browser: Browser, path: str, language: str = "en") -> str:
    """Return the text of a page below `/people/`."""
    page = browser.get(f"/people/{path}", headers={"Accept-Language": language})
    assert page.status_code == 200, path
    return str(page.content.decode())


def send(browser: Browser, path: str, **fields: Any) -> str:
    """Send a form, and return the text of the page to which it leads."""
    reply = browser.post(f"/people/{path}", fields, follow=True)
    assert reply.status_code == 200, path
    return str(reply.content.decode())


def test_strangers_are_asked_to_sign_in(platform: str, client: Browser) -> None:
    for path in PAGES:
        assert client.get(f"/people/{path}")["Location"].startswith("/accounts/login/?next=")
    assert client.post("/people/moments/post", {})["Location"].startswith("/accounts/login/")


def test_every_page_is_there_in_both_languages_with_one_navigation(
    anna: Neighbour, ben: Neighbour
) -> None:
    anna.befriend(ben)
    circle, number = anna.circle(ben), anna.posts("x")
    browser = browser_of(anna)
    for path in (*PAGES, f"{ben.id}/", f"circles/{circle}/", f"moments/{number}/"):
        english, chinese = text_of(browser, path), text_of(browser, path, "zh-hans")
        for word, translated in (("Moments", "动态"), ("Circles", "圈子"), ("Profile", "个人资料")):
            assert f">{word}</a>" in english
            assert f">{translated}</a>" in chinese
        assert 'lang="zh-hans"' in chinese
    assert f'data-call-user="{ben.id}"' in text_of(browser, "")
    assert f'data-call-user="{ben.id}"' in text_of(browser, f"{ben.id}/")
    assert f'data-call-group="{circle}"' in text_of(browser, f"circles/{circle}/")
    for path in ("/console/", "/chat/"):
        assert ">Circles</a>" in browser.get(path).content.decode()


def test_a_moment_with_pictures_is_posted_liked_and_commented(
    anna: Neighbour, ben: Neighbour
) -> None:
    anna.befriend(ben)
    hers, his = browser_of(anna), browser_of(ben)
    files = [SimpleUploadedFile(f"{n}.png", picture(), "image/png") for n in range(2)]
    page = send(hers, "moments/post", text="<b>spring</b>", to="contacts", files=files, mark="m1")
    assert "&lt;b&gt;spring&lt;/b&gt;" in page
    assert page.count("/thumbnail") == 2
    number = Moment.objects.get().pk
    send(his, f"moments/{number}/react", do="like")
    page = send(his, f"moments/{number}/react", text="lovely", mark="c1")
    assert "lovely" in page
    page = text_of(hers, "moments/")
    assert "ben: likes your moment" in page
    assert "ben: commented on your moment" in page
    assert "Shown to 1: ben" in text_of(hers, f"moments/{number}/")
    send(hers, "moments/seen", last_id=re.findall(r'name="last_id" value="(\d+)"', page)[0])
    assert "likes your moment" not in text_of(hers, "moments/")
    send(hers, f"moments/{number}/react", do="delete")
    assert not Moment.objects.exists()


def test_what_a_form_lacks_is_said_in_words(anna: Neighbour) -> None:
    browser = browser_of(anna)
    anna.labels("family")
    assert "Check what you have filled in" in send(browser, "moments/post", text=" ", to="contacts")
    assert "choose labels" in send(browser, "moments/post", text="x", to="contacts", who="only")
    words = SimpleUploadedFile("a.txt", b"words", "text/plain")
    send(browser, "moments/post", text="x", to="contacts", files=[words])
    assert not Moment.objects.exists()
    assert browser.get("/people/moments/1/").status_code == 404
    assert browser.get("/people/nobody/").status_code == 404


def test_the_author_asks_first_who_would_see_it(anna: Neighbour, ben: Neighbour) -> None:
    anna.befriend(ben)
    browser = browser_of(anna)
    page = send(browser, "moments/preview", text="x", to="contacts", back="/people/moments/")
    assert "Shown to 1: ben" in page
    assert "Nobody but you" in send(browser, "moments/preview", text="x", to="self")
    away = browser.post("/people/moments/preview", {"to": "self", "back": "//evil.example/"})
    assert away["Location"] == "/people/moments/"


def test_people_are_found_asked_labelled_and_blocked(anna: Neighbour, ben: Neighbour) -> None:
    hers, his = browser_of(anna), browser_of(ben)
    assert f"/people/{ben.id}/" in text_of(hers, "?q=be")
    send(hers, f"{ben.id}/contact", do="ask")
    assert "They ask you" in text_of(his, "")
    send(his, f"{anna.id}/contact", do="accept")
    send(hers, "labels/add", name="family")
    label = anna.ask("labels")["labels"][0]["label_id"]
    page = send(hers, f"{ben.id}/describe", name="Benny", note="tea", labels=[label])
    assert "Benny" in page
    assert 'class="tag">family' in text_of(hers, "")
    assert anna.ask("labels")["labels"][0]["users"] == [ben.id]
    send(hers, f"{ben.id}/contact", do="block")
    assert "Blocked" in text_of(hers, "")
    assert his.get(f"/people/{anna.id}/").status_code == 404


def test_a_circle_is_founded_entered_changed_and_left(anna: Neighbour, ben: Neighbour) -> None:
    hers, his = browser_of(anna), browser_of(ben)
    send(hers, "circles/create", name="Choir", description="We sing", joining="approve")
    circle = anna.ask("circles")["circles"][0]["circle_id"]
    assert "Ask to join" in text_of(his, "circles/")
    send(his, f"circles/{circle}/act", do="join")
    send(hers, f"circles/{circle}/act", do="admit", user=ben.id)
    page = send(his, "moments/post", text="score", to=circle)
    assert "score" in page
    changed = {"name": "Band", "description": "", "notice": "Monday", "joining": "invite"}
    assert "Monday" in send(hers, f"circles/{circle}/change", **changed)
    assert "This is not possible" in send(his, f"circles/{circle}/change", **changed)
    send(his, f"circles/{circle}/act", do="leave")
    assert his.get(f"/people/circles/{circle}/").status_code == 404


def test_a_profile_is_saved_and_the_password_needs_the_old_one(anna: Neighbour) -> None:
    browser = browser_of(anna)
    face = SimpleUploadedFile("me.png", picture(), "image/png")
    page = send(browser, "me/card", title="Cook", shown_title="everybody", picture=face)
    assert 'value="Cook"' in page
    assert "/thumbnail" in page
    send(browser, "me/privacy", found_by="nobody", matching="mutual")
    assert anna.ask("privacy")["found_by"] == "nobody"
    send(browser, "me/name", first_name="Anna", last_name="Lind")
    assert Account.objects.get(pk=anna.account.pk).last_name == "Lind"
    new = "a long one of tests 9"
    assert "old password is wrong" in send(browser, "me/password", old="x", new=new, again=new)
    account = Account.objects.get(pk=anna.account.pk)
    account.set_password("the old one of tests 3")
    account.save()
    browser = browser_of(anna)
    forms = {"old": "the old one of tests 3", "new": new}
    assert "differ" in send(browser, "me/password", **forms, again="other")
    assert "The password is changed" in send(browser, "me/password", **forms, again=new)
    assert Account.objects.get(pk=anna.account.pk).check_password(new)


@pytest.mark.parametrize("do", ["ask", "agree", "revoke"])
def test_numbers_are_asked_for_on_the_page(anna: Neighbour, ben: Neighbour, do: str) -> None:
    anna.befriend(ben)
    phone = [{"name": "phone", "value": "+8613800138001", "shown_to": "nobody"}]
    anna.do("PATCH", "card", {"entries": phone})
    ben.do("PATCH", "card", {"entries": [{**phone[0], "value": "+8613800138002"}]})
    ben.do("POST", f"people/{anna.id}/number")
    page = send(browser_of(anna), f"{ben.id}/number", do=do)
    assert ("+8613800138002" in page) == (do != "revoke")


def test_an_invitation_shows_its_link_once(anna: Neighbour) -> None:
    page = send(browser_of(anna), "invite", to="")
    assert "/people/invited/" in page


def test_a_forgotten_password_is_replaced_by_a_link_of_one_use(
    anna: Neighbour, mailoutbox: list[Any], client: Browser
) -> None:
    Account.objects.filter(pk=anna.account.pk).update(email="anna@example.org")
    assert "Forgotten password" in client.get("/accounts/login/").content.decode()
    answers = {send(client, "forgotten/", name=name) for name in ("nobody", "ben")}
    assert not mailoutbox
    for _ in range(5):
        answers.add(send(client, "forgotten/", name=" Anna "))
    send_due_texts(own_platform())
    assert len({re.sub(r'value="\w+"', "", answer) for answer in answers}) == 1
    assert len(mailoutbox) == 3, "at most three an hour"
    path = re.search(r"/people/password/[^/]+/", mailoutbox[0].body)
    assert path is not None
    new = "a long one of tests 11"
    assert client.post(path[0], {"new": new, "again": "other"}).status_code == 400
    assert client.post(path[0], {"new": "123", "again": "123"}).status_code == 400
    assert client.post(path[0], {"new": new, "again": new})["Location"] == "/accounts/login/"
    assert Account.objects.get(pk=anna.account.pk).check_password(new)
    assert client.get(path[0]).status_code == 404, "it is used up"
    forged = path[0].replace(anna.id, "another")
    assert client.get(forged).status_code == 404


def test_forms_and_searches_are_limited_as_calls_are(
    anna: Neighbour, zoe: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StrictLimit, "most", 3)
    monkeypatch.setattr(StrictLimit, "seconds", 86_400)
    browser = browser_of(anna)
    for _ in range(3):
        assert f"/people/{zoe.id}/" in text_of(browser, "?q=zoe")
    assert "That was too often" in text_of(browser, "?q=zoe")
    assert f"/people/{zoe.id}/" not in text_of(browser, "?q=zoe")
    assert "That was too often" in send(browser, "labels/add", name="family")
