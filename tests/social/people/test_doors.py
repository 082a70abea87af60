"""Every address refuses strangers, forged tokens, and people whom it does not concern."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from social.api import people_urls
from tests.im.http.town import Body
from tests.social.people.town import Neighbour
from tests.web_clients import BareClient, Browser

CALLS: list[tuple[str, str, Body]] = [
    ("GET", "labels", {}),
    ("POST", "labels", {"name": "x"}),
    ("PATCH", "labels/{label}", {"name": "stolen"}),
    ("DELETE", "labels/{label}", {}),
    ("GET", "contacts", {}),
    ("PUT", "contacts/{ben}/labels", {"labels": []}),
    ("GET", "card", {}),
    ("PATCH", "card", {"entries": []}),
    ("PUT", "card", {"vcard": "x"}),
    ("GET", "people/{ben}/card", {}),
    ("POST", "people/{ben}/number", {}),
    ("PUT", "people/{ben}/number", {}),
    ("DELETE", "people/{ben}/number", {}),
    ("GET", "people/{ben}/moments", {}),
    ("GET", "privacy", {}),
    ("PATCH", "privacy", {}),
    ("GET", "directory?q=xx", {}),
    ("GET", "suggestions", {}),
    ("GET", "address_book", {}),
    ("POST", "address_book", {"numbers": ["1"]}),
    ("DELETE", "address_book", {}),
    ("POST", "number", {"number": "x"}),
    ("PUT", "number", {"number": "x", "code": "000000"}),
    ("POST", "invitations", {}),
    ("POST", "invitations/accept", {"code": "x" * 20}),
    ("GET", "circles", {}),
    ("POST", "circles", {"name": "x"}),
    ("GET", "circles/{circle}", {}),
    ("PATCH", "circles/{circle}", {"name": "stolen"}),
    ("GET", "circles/{circle}/wall", {}),
    ("GET", "moments", {}),
    ("POST", "moments", {"text": "x", "to": "{circle}"}),
    ("POST", "moments/preview", {"text": "x", "to": "{circle}"}),
    ("GET", "moments/{moment}", {}),
    ("DELETE", "moments/{moment}", {}),
    ("GET", "moments/{moment}/readers", {}),
    ("GET", "moments/{moment}/like", {}),
    ("PUT", "moments/{moment}/like", {}),
    ("DELETE", "moments/{moment}/like", {}),
    ("GET", "moments/{moment}/comments", {}),
    ("POST", "moments/{moment}/comments", {"text": "x"}),
    ("DELETE", "moments/{moment}/comments/{comment}", {}),
    ("GET", "notices", {}),
    ("PUT", "notices", {"last_id": 1}),
    ("GET", "album", {}),
]
"""All of them; label, circle, moment and comment are of anna and ben."""
CARD_FILE = "people/{ben}/card.vcf"
THINGS = ("{label}", "{circle}", "{moment}", "{comment}")
OBJECTS = [call for call in CALLS if any(thing in str(call) for thing in THINGS)]


def filled(call: tuple[str, str, Body], values: dict[str, str]) -> tuple[str, str, Body]:
    """Return a call about these things."""
    method, path, body = call
    put = {
        name: value.format(**values) if isinstance(value, str) else value
        for name, value in body.items()
    }
    return method, path.format(**values), put


@pytest.fixture
def things(anna: Neighbour, ben: Neighbour) -> dict[str, str]:
    """Return a label, a circle, a moment in it and a comment on it."""
    anna.befriend(ben)
    circle = anna.circle(ben)
    moment = anna.posts("secret", to=circle)
    comment = ben.do("POST", f"moments/{moment}/comments", {"text": "secret, too"})["comment_id"]
    label = anna.labels("family", ben)
    return {"label": label, "circle": circle, "moment": moment, "comment": comment, "ben": ben.id}


def test_every_address_is_tried_here() -> None:
    def plain(path: str) -> str:
        return re.sub(r"<\w+:\w+>|\{\w+\}", "?", path.partition("?q=")[0])

    ours = {plain(str(pattern.pattern)) for pattern in people_urls.urlpatterns}
    assert ours == {plain(path) for _, path, _ in CALLS} | {plain(CARD_FILE)}


def test_nobody_calls_without_a_token(things: dict[str, str], ben: Neighbour) -> None:
    forged = Neighbour(ben.account, ben.token[:-1] + ("x" if ben.token[-1] != "x" else "y"))
    for call in CALLS:
        method, path, body = filled(call, things)
        assert forged.social(method, path, body).status == 401, call
        bare = Browser().generic(
            method, f"/api/v1/social/{path}", json.dumps(body), content_type="application/json"
        )
        assert (bare.status_code, bare.json()["code"]) == (401, "not_signed_in"), call


def test_whom_it_does_not_concern_finds_nothing_and_changes_nothing(
    things: dict[str, str], anna: Neighbour, cara: Neighbour, zoe: Neighbour
) -> None:
    for person in (cara, zoe):
        for call in OBJECTS:
            answer = person.social(*filled(call, things))
            assert (answer.status, answer["code"]) == (404, "not_found"), call
            assert "secret" not in str(answer.body)
    (shown,) = anna.wall(things["circle"])
    assert (shown["text"], shown["likes"], shown["comments"]) == ("secret", 0, 1)
    assert anna.ask("labels")["labels"][0]["name"] == "family"


def test_a_browser_needs_its_csrf_token(anna: Neighbour) -> None:
    browser = BareClient()
    browser.force_login(anna.account, backend="domains.flows.sign_in.SignInNameBackend")
    assert browser.get("/api/v1/social/moments").status_code == 200
    refused = browser.post(
        "/api/v1/social/moments", '{"text": "x"}', content_type="application/json"
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert anna.seen() == set()


@pytest.mark.parametrize("number", ["0", "99999999999999999999", "18446744073709551616"])
def test_a_number_that_is_none_is_not_found(anna: Neighbour, number: str) -> None:
    for method, path in (
        ("GET", "moments/{}"),
        ("DELETE", "moments/{}"),
        ("PUT", "moments/{}/like"),
        ("GET", "circles/{}/wall"),
        ("PATCH", "circles/{}"),
        ("DELETE", "labels/{}"),
    ):
        assert anna.social(method, path.format(number), {}).status == 404, (method, path)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("moments", {"to": "everybody"}, "to"),
        ("moments", {"text": "x" * 5001}, "text"),
        ("moments", {"text": "x", "files": ["1"]}, "files"),
        ("moments", {"text": "x", "only_labels": ["x"]}, "only_labels"),
        ("circles", {"name": " "}, "name"),
        ("labels", {"name": "a\u202eb"}, "name"),
        ("address_book", {"numbers": ["1"] * 2001}, "numbers"),
        ("number", {"number": "12"}, "number"),
        ("invitations/accept", {"code": "?"}, "code"),
    ],
)
def test_a_wrong_argument_is_named(anna: Neighbour, path: str, body: Body, field: str) -> None:
    refused = anna.social("POST", path, body)
    assert (refused.status, refused["code"]) == (400, "malformed")
    assert refused["description"].startswith(field)


def test_every_call_is_described(platform: str, client: Browser) -> None:
    schema = yaml.safe_load(client.get("/api/schema/").content)
    names = {"ben": "user", "label": "number", "circle": "number", "moment": "number"}
    for method, path, _ in CALLS:
        plain = path.partition("?")[0].replace("{comment}", "{comment_id}")
        for word, name in names.items():
            plain = plain.replace(f"{{{word}}}", f"{{{name}}}")
        operation = schema["paths"][f"/api/v1/social/{plain}"][method.lower()]
        assert operation["responses"]["200"]["content"]["application/json"]["schema"].get("$ref")
        assert operation["description"]
