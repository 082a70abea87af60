"""All calls of the open platform API are made once on a conference: each has its effect, or documented refusal."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.stand.site import Site
from tests.http.calls import EFFECT, Arguments, Call, calls
from tests.http.program import Answer, Program
from tests.stories.facts import license_for, until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]

NO_SUCH_CALL = "no such call"
KEY_OF_ALL = {"oauth_consumer_key": "walk", "oauth_consumer_secret": secrets.token_hex(16)}


CREATED = {
    "amc/accounts": ("walker", "account_moid"),
    "amc/departments": ("department", "department_moid"),
    "mc/meeting_room_areas": ("area", "id"),
}
"""Path of a call that creates something -> the name of its id in the table, and the field of the answer."""


class Walk:
    """One conference with three terminals, the people who make the calls, and what the calls answered."""

    def __init__(self, site: Site) -> None:
        license_for(site, 50, 5)
        self.people = {"anna": Program(site), "admin": Program(site)}
        self._let_all_in(site)
        is_staff(site, 1)
        for name, program in self.people.items():
            program.log_in(name, KEY_OF_ALL)
        self.values = self._scene(site, self.people["anna"])
        self.wrong: list[str] = []

    def _let_all_in(self, site: Site) -> None:
        """Give the core an API key, with which people of every domain may log in."""
        hashed = hashlib.sha256(KEY_OF_ALL["oauth_consumer_secret"].encode()).hexdigest()
        site.mariadb.sql(
            "INSERT INTO domains_apikey (`key`, secret_hash, domain_id, name, enabled)"
            f" SELECT 'walk', '{hashed}', moid, 'walk', 1 FROM domains_domain WHERE level=3"
            " ON DUPLICATE KEY UPDATE secret_hash=VALUES(secret_hash)",
            schema=site.name,
        )

    def _scene(self, site: Site, anna: Program) -> dict[str, str]:
        """Create the conference; return the values that stand for the names in the table."""
        invited = [{"account": number, "account_type": 5} for number in ("7000", "7001", "7002")]
        created = anna.create(name="walk", max_join_mt=32, invite_members=invited)
        number = created["conf_id"]
        path = f"vc/confs/{number}/mts"
        until(lambda: len(anna.get(path)["mts"]) == 3, 10, "three terminals are listed")
        terminals = anna.get(path)["mts"]
        domains = self.people["admin"].get("nms/domains")["domains"]
        by_type = {row["type"]: row["moid"] for row in domains}
        account = next(a for a in site.demo["accounts"] if a["username"] == "anna")
        people = self.people["admin"].get("amc/accounts", account="anna")["accounts"]
        moid = site.vault.platform_moid
        machines = self.people["admin"].get(f"nms/platform_domains/{moid}/physicals")["physicals"]
        return {
            "conf": number,
            "conf2": anna.create(name="second")["conf_id"],
            "meeting": created["meeting_id"],
            "booked": self._booked(anna),
            **dict(zip(("mt", "mt2", "mt3"), [row["mt_id"] for row in terminals], strict=True)),
            "key": KEY_OF_ALL["oauth_consumer_key"],
            "secret": KEY_OF_ALL["oauth_consumer_secret"],
            "token": anna.token,
            "user": "anna",
            "password": account["password"],
            "domain": by_type["user"],
            "service": by_type["service"],
            "platform": moid,
            "account": people[0]["account_moid"],
            "machine": machines[0]["moid"],
        }

    def _booked(self, anna: Program) -> str:
        """Book a conference for tomorrow; return the id of the reservation."""
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")
        wanted = {"name": "booked", "duration": 60, "start_time": tomorrow}
        return str(anna.post("mc/booked_confs", wanted)["meeting_id"])

    def make(self, call: Call) -> None:
        """Make a call, and note what is wrong with the answer. A read may lag behind the change before it."""
        program = self.people[call.user]
        path = self.filled(call.path)
        arguments = {
            name: json.dumps(value) if isinstance(value, dict | list) else value
            for name, value in self.filled_all(call.arguments).items()
        }

        answer = self._answer(program, call, path, arguments)
        deadline = time.monotonic() + 5
        while call.method == "GET" and outcome(answer) != call.outcome:
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
            answer = self._answer(program, call, path, arguments)
        self._note(program, call, answer)

    def find(self, call: Call) -> None:
        """Make a call whose effect other tests show, and note if it is not there."""
        path = re.sub(r"\{\w+\}", lambda name: self.values.get(name[0][1:-1], "1"), call.path)
        answer = self.people[call.user].call(call.method, path, params="{}")
        if NO_SUCH_CALL in str(answer.get("description")):
            self.wrong.append(f"{call.method} {call.path}: {answer}")

    def _answer(self, program: Program, call: Call, path: str, arguments: Answer) -> Answer:
        if path.startswith("/"):
            query = f"?account_token={program.token}"
            query += "".join(f"&{name}={value}" for name, value in arguments.items())
            content = program.raw(call.method, path + query, Cookie=program.cookie)[1]
            answer: Answer = json.loads(content)
            return answer
        if call.method == "GET" or set(arguments) & {"oauth_consumer_key", "password", "psd"}:
            return program.call(call.method, path, **arguments)
        params = json.dumps(self.filled_all(call.arguments))
        return program.call(call.method, path, params=params)

    def _note(self, program: Program, call: Call, answer: Answer) -> None:
        """Note a wrong answer; follow a login, and what was created."""
        if outcome(answer) != call.outcome:
            self.wrong.append(f"{call.method} {call.path}: {call.outcome} wanted, got {answer}")
        if call.path in ("system/login", "vrs/login") and answer["success"]:
            program.cookie = program.headers["Set-Cookie"].partition(";")[0]
        if call.method == "POST" and (names := CREATED.get(call.path)):
            value, field = names
            self.values[value] = answer.get(field, "none")

    def filled(self, text: str) -> str:
        """Return a text with the values of this walk."""
        return re.sub(r"\{(\w+)\}", lambda name: self.values[name[1]], text)

    def filled_all(self, arguments: Arguments) -> Answer:
        """Return arguments with the values of this walk."""
        filled: Answer = json.loads(self.filled(json.dumps(arguments)))
        return filled


def is_staff(site: Site, value: int) -> None:
    """Make the person an administrator of the tenant, who keeps areas, or not any more."""
    query = f"UPDATE domains_account SET is_staff={value} WHERE username='anna'"
    site.mariadb.sql(query, schema=site.name)


def outcome(answer: Mapping[str, Any]) -> int:
    """Return EFFECT, or the code of a refusal."""
    return EFFECT if answer["success"] else int(answer["error_code"])


@pytest.fixture
def walk(simulated: Site) -> Iterator[Walk]:
    walk = Walk(simulated)
    yield walk
    is_staff(simulated, 0)
    anna = walk.people["anna"]
    anna.delete(f"mc/booked_confs/{walk.values['booked']}")
    for conference in anna.get("vc/confs", count=0)["confs"]:
        anna.delete(f"mc/confs/{conference['conf_id']}")


OF_ANOTHER_PROCESS = ("push",)
"""Groups of calls that the web process does not answer."""


def test_every_call_has_its_effect_or_its_documented_refusal(walk: Walk) -> None:
    for call in calls():
        if not call.elsewhere:
            walk.make(call)
        elif call.group not in OF_ANOTHER_PROCESS:
            walk.find(call)
    assert walk.wrong == []
