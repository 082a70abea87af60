"""A voicemail is left after an unanswered call, stands in the log, and is heard, counted and deleted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from foundation import clock
from foundation.cells.directory import own_platform
from im.models import File
from social.flows import call_timer
from social.models import Call as Row
from tests.im.files.conftest import folders
from tests.im.files.person import Person as Uploader
from tests.im.files.person import picture, voice
from tests.im.http.town import Answer, Body, Someone
from tests.social.test_call_flows import comes_online, social, start

__all__ = ["folders"]

MAILBOX = "voicemail"


def unanswered(caller: Someone, callee: Someone) -> Body:
    """Call somebody who does not answer."""
    comes_online(callee)
    call = start(caller, callee)
    Row.objects.filter(pk=call["call_id"]).update(due_at=clock.now(), ring_until=clock.now())
    call_timer.handle_due(own_platform())
    return dict(social(caller, "GET", f"calls/{call['call_id']}")["call"])


def recording(person: Someone, seconds: int) -> str:
    """Upload a recording, and return the file's id."""
    return Uploader(person.account).put(voice(seconds), "voice.webm")


def leave(caller: Someone, call: Body, file: str) -> Answer:
    """Leave a recording after a call."""
    return social(caller, "POST", f"calls/{call['call_id']}/voicemail", {"file_id": file})


def unheard(person: Someone) -> int:
    """Return the number at a person's mailbox, which both calls agree on."""
    number = social(person, "GET", f"{MAILBOX}/unheard")["unheard"]
    assert social(person, "GET", MAILBOX)["unheard"] == number
    return int(number)


def test_a_voicemail_is_left_once_heard_and_deleted(anna: Someone, ben: Someone) -> None:
    call = unanswered(anna, ben)
    file = recording(anna, 4)
    left = leave(anna, call, file)["call"]
    assert leave(anna, call, file)["call"] == left
    assert (unheard(ben), unheard(anna)) == (1, 0)
    [mail] = social(ben, "GET", MAILBOX)["voicemails"]
    data = mail["message"]["data"]
    assert (data["type"], data["call_id"], data["seq"]) == (
        "voice",
        call["call_id"],
        left["voicemail_seq"],
    )
    assert data["file"]["duration_ms"] >= 3900
    for _ in range(2):
        assert social(ben, "POST", f"{MAILBOX}/{call['call_id']}/heard").status == 200
    assert unheard(ben) == 0
    log = anna.log(call["conversation_id"])
    heard = [entry["data"] for entry in log if entry["cmd"] == "heard"]
    assert [entry["msg_id"] for entry in heard] == [data["msg_id"]]
    assert social(ben, "GET", MAILBOX)["voicemails"][0]["heard"]
    assert social(ben, "DELETE", f"{MAILBOX}/{call['call_id']}").status == 200
    assert social(ben, "GET", MAILBOX)["voicemails"] == []
    assert any(entry["cmd"] == "msg" for entry in anna.log(call["conversation_id"]))


def test_the_count_follows_what_becomes_of_the_message(anna: Someone, ben: Someone) -> None:
    calls = [unanswered(anna, ben) for _ in range(3)]
    for call in calls:
        leave(anna, call, recording(anna, 3))
    assert unheard(ben) == 3
    number = calls[0]["conversation_id"]
    pages = [social(ben, "GET", f"{MAILBOX}?count=2")]
    pages.append(social(ben, "GET", f"{MAILBOX}?count=2&before={pages[0]['next']}"))
    listed = [mail["call"]["call_id"] for page in pages for mail in page["voicemails"]]
    assert listed == [call["call_id"] for call in reversed(calls)]
    ben.delete(f"conversations/{number}/messages")
    assert unheard(ben) == 0


@pytest.mark.parametrize(
    ("seconds", "code"), [(2, "too_short"), (6, "too_long"), (0, "no_sound"), (None, "no_sound")]
)
def test_only_a_recording_of_the_right_length_is_taken(
    seconds: int | None, code: str, anna: Someone, ben: Someone, settings: Any
) -> None:
    settings.VOICEMAIL_MAX_SECONDS = 4
    call = unanswered(anna, ben)
    content = voice(seconds) if seconds else picture()
    file = str(uuid4()) if seconds is None else Uploader(anna.account).put(content, "file")
    refused = leave(anna, call, file)
    assert (refused.status, refused["code"]) == (409, code)
    assert unheard(ben) == 0


def test_a_voicemail_is_for_who_was_called_and_from_who_has_called(
    anna: Someone, ben: Someone, cara: Someone
) -> None:
    call = unanswered(anna, ben)
    assert leave(ben, call, recording(ben, 3))["code"] == "not_offered"
    assert leave(cara, call, recording(cara, 3)).status == 404
    leave(anna, call, recording(anna, 3))
    for person in (anna, cara):
        assert social(person, "POST", f"{MAILBOX}/{call['call_id']}/heard").status == 404
        assert social(person, "DELETE", f"{MAILBOX}/{call['call_id']}").status == 404
        assert social(person, "GET", MAILBOX)["voicemails"] == []
    declined = start(anna, ben)
    social(ben, "POST", f"calls/{declined['call_id']}/decline")
    assert leave(anna, declined, recording(anna, 3))["code"] == "not_offered"


def test_a_greeting_is_heard_by_who_did_not_reach_the_person_alone(
    anna: Someone, ben: Someone, cara: Someone
) -> None:
    call = unanswered(anna, ben)
    path = f"/api/v1/social/calls/{call['call_id']}/greeting"
    headers = {"Authorization": f"Bearer {anna.token}"}
    assert anna.client.get(path, headers=headers).status_code == 404
    file = recording(ben, 3)
    refused = social(cara, "PUT", f"{MAILBOX}/greeting", {"file_id": file})
    assert (refused.status, refused["code"]) == (409, "no_sound")
    assert social(ben, "PUT", f"{MAILBOX}/greeting", {"file_id": file})["file_id"] == file
    assert File.objects.get(pk=file).used
    reply = anna.client.get(path, headers=headers)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "audio/webm")
    other = {"Authorization": f"Bearer {cara.token}"}
    assert cara.client.get(path, headers=other).status_code == 404
    assert social(ben, "DELETE", f"{MAILBOX}/greeting")["file_id"] is None
    assert not File.objects.get(pk=file).used
    assert anna.client.get(path, headers=headers).status_code == 404
