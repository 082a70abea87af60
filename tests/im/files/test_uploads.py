"""Uploads: in parts, over lines that break, within limits, for nobody else to touch."""

from __future__ import annotations

import socket
import time
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command

from domains.models import Account
from im.data.files import spool
from im.flows import upload
from im.models import Conversation, File
from tests.im.files.person import CSRF, PART, TUS, Person, body, shared


def test_a_file_sent_in_parts_comes_back_whole(anna: Person) -> None:
    content = bytes(range(256)) * 1000
    begun = anna.begin(len(content), "all bytes.bin")
    assert begun.status_code == 201
    number = begun.json()["id"]
    assert begun["Location"] == f"/api/v1/im/files/{number}"
    assert begun["Upload-Expires"].endswith("GMT")
    for offset in range(0, len(content), 100_000):
        answer = anna.send(number, offset, content[offset : offset + 100_000])
        assert (answer.status_code, answer["Upload-Offset"]) == (
            204,
            str(min(offset + 100_000, len(content))),
        )
    fetched = anna.ask("GET", f"/{number}")
    assert body(fetched) == content
    assert not spool.path_of(number).exists()


@pytest.fixture
def address(transactional_db: None, live_server: Any) -> str:
    """Return the address of a server with real sockets."""
    call_command("load_demo", verbosity=0)
    call_command("provision", verbosity=0)
    return str(live_server.url.removeprefix("http://"))


def test_an_upload_whose_line_breaks_goes_on_where_it_stopped(address: str) -> None:
    content = b"0123456789" * 50_000
    anna = Person(Account.objects.get(username="anna"))
    number = anna.begin(len(content)).json()["id"]
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port))) as line:
        headers = {**TUS, "Cookie": anna.cookie, "X-CSRFToken": CSRF, "Upload-Offset": "0"}
        headers |= {"Host": address, "Content-Type": PART, "Content-Length": str(len(content))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        line.sendall(f"PATCH /api/v1/im/files/{number} HTTP/1.1\r\n{lines}\r\n".encode())
        line.sendall(content[:300_000])
    settled = _settled(anna, number)
    assert 0 < settled <= 300_000
    assert anna.send(number, settled, content[settled:]).status_code == 204
    assert body(anna.ask("GET", f"/{number}")) == content


def _settled(person: Person, number: str) -> int:
    """Return the number of received bytes, once the broken request is over."""
    for _ in range(100):
        answer = person.ask("HEAD", f"/{number}", **TUS)
        if answer.status_code == 200 and int(answer["Upload-Offset"]):
            return int(answer["Upload-Offset"])
        time.sleep(0.05)
    raise AssertionError(answer)


def test_what_the_server_can_do_anybody_may_ask(anna: Person) -> None:
    anna.client.logout()
    answer = anna.ask("OPTIONS")
    assert answer.status_code == 204
    assert answer["Tus-Extension"] == "creation,expiration,termination"
    assert int(answer["Tus-Max-Size"]) == 2 * 1024**3


def test_an_upload_is_refused_with_a_status_and_a_word(anna: Person, settings: Any) -> None:
    settings.IM_FILE_MAX_BYTES = 1000
    number = anna.begin(10).json()["id"]
    refused = [
        (anna.begin(0), 413, "too_large"),
        (anna.begin(1001), 413, "too_large"),
        (anna.ask("POST", Upload_Length="ten", **TUS), 400, "bad_request"),
        (anna.ask("POST", Upload_Length="10"), 412, "version"),
        (
            anna.ask("POST", Upload_Length="9", Upload_Metadata="filename ?", **TUS),
            400,
            "bad_request",
        ),
        (anna.send(number, 1, b"abc"), 409, "offset"),
        (anna.send(number, 0, b"a" * 11), 413, "too_large"),
        (anna.send(number, 0, b"abc", **{"Content-Type": "text/plain"}), 415, "bad_request"),
        (anna.send(str(uuid4()), 0, b"abc"), 404, "not_found"),
        (anna.ask("DELETE", f"/{uuid4()}", **TUS), 404, "not_found"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer, _, _ in refused] == [
        (status, code) for _, status, code in refused
    ]
    assert anna.send(number, 0, b"0123456789").status_code == 204
    assert anna.send(number, 0, b"x").json()["code"] == "complete"


def test_two_requests_do_not_write_to_one_upload(anna: Person) -> None:
    number = anna.begin(10).json()["id"]
    with spool.lock_upload(number):
        assert anna.send(number, 0, b"abc").status_code == 423
    assert anna.send(number, 0, b"abc").status_code == 204


def test_a_stranger_neither_writes_nor_looks(anna: Person, ben: Person) -> None:
    number, complete = anna.begin(10).json()["id"], anna.put(b"hers")
    assert ben.send(number, 0, b"abc").status_code == 404
    assert ben.ask("HEAD", f"/{number}", **TUS).status_code == 404
    for file_id in (number, complete):
        assert ben.ask("DELETE", f"/{file_id}", **TUS).status_code == 404
        assert ben.ask("GET", f"/{file_id}").status_code == 404
        assert ben.ask("GET", f"/{file_id}/thumbnail").status_code == 404
    assert ben.about(number, complete) == []
    ben.client.logout()
    assert ben.ask("GET", f"/{complete}").status_code == 401
    assert ben.begin(10).status_code == 401


def test_another_sites_form_cannot_upload_in_my_name(anna: Person) -> None:
    assert anna.begin(10, **{"X-CSRFToken": ""}).status_code == 403
    assert File.objects.count() == 0


def test_what_one_person_uploads_is_limited(anna: Person, ben: Person, settings: Any) -> None:
    settings.IM_FILES_QUOTA_BYTES = 100
    anna.put(b"a" * 60)
    assert anna.begin(60).json()["code"] == "quota"
    assert anna.begin(40).status_code == 201
    assert ben.begin(60).status_code == 201
    settings.IM_FILES_QUOTA_BYTES = 10**9
    codes = {anna.begin(1).json().get("code") for _ in range(upload.MAX_PER_MINUTE)}
    assert "rate" in codes


def test_an_upload_can_be_given_up_until_a_message_carries_it(
    anna: Person, talk: Conversation
) -> None:
    begun, complete = anna.begin(10).json()["id"], anna.put(b"done")
    for file_id in (begun, complete):
        assert anna.ask("DELETE", f"/{file_id}", **TUS).status_code == 204
        assert anna.ask("HEAD", f"/{file_id}", **TUS).status_code == 404
    sent = shared(anna.put(b"sent"), talk)
    assert anna.ask("DELETE", f"/{sent}", **TUS).json()["code"] == "used"
    assert body(anna.ask("GET", f"/{sent}")) == b"sent"


def test_an_upload_that_could_not_be_finished_is_finished_when_it_is_asked_for(
    anna: Person,
) -> None:
    number = anna.begin(4).json()["id"]
    spool.path_of(number).write_bytes(b"late")  # a request died between the last byte and the end
    assert anna.ask("HEAD", f"/{number}", **TUS)["Upload-Offset"] == "4"
    assert body(anna.ask("GET", f"/{number}")) == b"late"
