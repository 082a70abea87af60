"""Migrates the database of an earlier release, uses it as people do, and prints as JSON what it saw.

It runs as a program of its own, with the settings that operators have: passwords are verified by the real
hasher, and every page goes through the whole middleware.
"""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import urlencode

import django
from django.core.management import call_command

from tests.web_clients import Browser

API = "/api/v1"


def main() -> None:
    """Migrate, sign in over HTTP, look at conferences, messages and pages, and end a conference."""
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("check", verbosity=0)
    client = Browser(server_name="127.0.0.1")
    token = _answer(_post(client, "token", json.loads(os.environ["API_KEY"])))
    person = json.loads(os.environ["PERSON"]) | {"account_token": token["account_token"]}
    signed_in = _answer(_post(client, "login", person))
    query = {"account_token": token["account_token"]}
    conferences = _answer(client.get(f"{API}/vc/confs", query))["confs"]
    messages = _messages(client, query)
    operator = Browser(server_name="127.0.0.1")
    operator.force_login(_account("admin"), backend="domains.flows.sign_in.SignInNameBackend")
    pages = {
        page: operator.get(f"/admin/{page}/").status_code
        for page in (
            "conferences/conference",
            "domains/userdomain",
            "licensing/licence",
            "bus/inbox",
        )
    }
    print(
        json.dumps(
            {
                "signed_in": signed_in["username"],
                "conferences": {c["conf_id"]: c["name"] for c in conferences},
                "messages": messages,
                "pages": pages,
                "ended": _end(conferences[0]["conf_id"]),
            }
        )
    )


def _post(client: Browser, call: str, form: dict[str, str]) -> Any:
    form_type = "application/x-www-form-urlencoded"
    return client.post(f"{API}/system/{call}", urlencode(form), content_type=form_type)


def _answer(response: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(response.content)
    assert answer.get("success") == 1, answer
    return answer


def _account(username: str) -> Any:
    from domains.models import Account

    return Account.objects.get(username=username)


def _messages(client: Browser, query: dict[str, str]) -> int:
    """Return how many messages the person's conversations hold, read over HTTP."""
    conversations = json.loads(client.get(f"{API}/im/conversations", query).content)
    count = 0
    for conversation in conversations["conversations"]:
        page = client.get(
            f"{API}/im/conversations/{conversation['conversation_id']}/messages", query
        )
        count += len(json.loads(page.content)["entries"])
    return count


def _end(number: str) -> bool:
    from conferences.flows.due import end_conference_now
    from conferences.rules.states import EndReason
    from foundation.cells.directory import own_platform

    return end_conference_now(own_platform(), number, EndReason.RELEASED)


if __name__ == "__main__":
    main()
