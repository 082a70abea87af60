"""A program of the open API has the pictures of a conference composed, on a site whose units make a stream of them."""

from __future__ import annotations

import os
import re
import signal
from functools import partial
from pathlib import Path

import pytest

from deploy.stand.site import Site
from tests.http.listening import LongPolling
from tests.http.program import Answer, Program
from tests.im.door import eventually
from tests.media.people import Person, until
from tests.media.test_monitors import Receiver
from tests.media.viewers import BLUE, RED, Viewer, side_by_side
from tests.sites import BESIDE_THE_SITE
from tests.stories.story import in_thread

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("media")]
PICTURE, SOUND = 0, 1
COMPOSED, MIXED = 2, 3
"""The numbers of the API for a monitor's `mode`, and for its `src.type`."""
COMPOSER_DIED, NO_ANSWER = 20902, 20001


async def test_a_program_composes_watches_monitors_and_is_told_of_a_failure(janus: Site) -> None:
    program = Program(janus)
    program.log_in("anna")
    created = await in_thread(program.create)
    number = created["conf_id"]
    path = f"vc/confs/{number}"
    anna, ben = Person("anna", 440, camera=RED), Person("ben", 880, camera=BLUE)
    viewer = Viewer()
    picture, sound = [await Receiver(BESIDE_THE_SITE).open() for _ in range(2)]
    try:
        for person in (anna, ben):
            await person.join(created["join"])
            await in_thread(partial(eventually, partial(_is_there, program, path, person)))
        places = [_ids(program, path, person)[0] for person in (anna, ben)]
        await in_thread(lambda: program.post(f"{path}/vmps", side_by_side(*places)))
        await in_thread(lambda: eventually(lambda: _composers(janus, number) != []))
        await viewer.watch(created["join"])
        assert await viewer.sees(RED, BLUE)
        assert await viewer.hears(880)

        for mode, kind, receiver in ((PICTURE, COMPOSED, picture), (SOUND, MIXED, sound)):
            monitor = {"mode": mode, "src": {"type": kind}, "dst": receiver.address}
            await in_thread(partial(_start_monitor, program, f"{path}/monitors", monitor))
        assert await until(lambda: len(picture.packets) > 20)
        assert await sound.hears(440)

        with LongPolling(janus.http, program.cookie) as events:
            await in_thread(events.handshake)
            await in_thread(lambda: events.subscribe("/confs/**"))
            os.kill(_composers(janus, number)[-1], signal.SIGKILL)
            notice = await in_thread(lambda: events.hears(f"/confs/{number}/vmps/1", "notify"))
        assert notice["error_code"] == COMPOSER_DIED
        assert await in_thread(lambda: program.delete(f"{path}/vmps/1")) == {"success": 1}
    finally:
        for leaving in (anna, ben, viewer):
            await leaving.leave()
        for receiver in (picture, sound):
            receiver.close()
        await in_thread(lambda: program.delete(f"mc/confs/{number}"))


def _start_monitor(program: Program, path: str, monitor: Answer) -> None:
    """Start a monitor; a media unit on a busy machine is asked again if it did not answer in time."""

    def is_started() -> bool:
        answer = program.post(path, monitor)
        assert answer["success"] == 1 or answer["error_code"] == NO_ANSWER, answer
        return bool(answer["success"])

    eventually(is_started)


def _ids(program: Program, path: str, person: Person) -> list[str]:
    """Return the ids of the person's terminals that are in the conference; [] before it has been reported."""
    rows: list[Answer] = program.get(f"{path}/mts")["mts"]
    return [row["mt_id"] for row in rows if row["online"] and row["alias"] == person.name]


def _is_there(program: Program, path: str, person: Person) -> bool:
    return bool(_ids(program, path, person))


def _composers(site: Site, number: str) -> list[int]:
    """Return the ids of the processes that have composed the conference, by the logs of the site's units."""
    logs = [Path(site.directory, "log", f"unit{unit}.log").read_text() for unit in (1, 2)]
    return [int(pid) for pid in re.findall(rf"{number}: composed by process (\d+)", "".join(logs))]
