"""A site is backed up while people use it, all its servers are lost, and it goes on from the backup on empty ones."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.stand.parallel import Parallel
from deploy.stand.ports import claimed_ports, ports_for
from deploy.stand.report import Report
from deploy.stand.site import Site
from deploy.stand.stand import Stand
from foundation.bus.management_api import call_api
from im.conformance.device import Device
from im.conformance.person import Person
from tests.stories.manager import Manager
from tests.unit.confplatform.test_backups import make_key

pytestmark = pytest.mark.xdist_group("backup")
VHOST = "/vhosts/integrator"
"""A virtual host that only the broker's definitions know of."""

FOLDERS = ("IM_FILES", "RECORDINGS")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Yield a site with instant messages and a simulated unit, which knows where its backups lie."""
    _identity, recipients = make_key(tmp_path, "key")
    with (
        claimed_ports(ports_for(0)) as base,
        Stand(tmp_path / "stand", base, media="simulated", units=1, im=True) as stand,
    ):
        site = stand.sites["east"]
        site.env["BACKUP_DIR"] = str(tmp_path / "backups")
        site.env["BACKUP_RECIPIENTS_FILE"] = str(recipients)
        yield site


def person(site: Site, name: str) -> Person:
    """Return a person of the demonstration tenant, signed in."""
    account = next(a for a in site.demo["accounts"] if a["username"] == name)
    return Person(site.http, name, account["password"])


class Talk:
    """A person who writes to another one, one message after the other, until she is told to end."""

    def __init__(self, site: Site) -> None:
        self.anna, ben = person(site, "anna"), person(site, "ben")
        self.conversation = self.anna.direct(ben.id)
        self.device = Device(self.anna, "amqp")
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    def _speak(self) -> None:
        while not self._end.is_set():
            self.device.text(self.conversation, f"message {len(self.acknowledged)}")
            self.device.wait(lambda: not self.device.waiting or self._end.is_set())

    @property
    def acknowledged(self) -> dict[str, tuple[str, int]]:
        """Return the acknowledged messages: client_msg_id -> conversation and seq."""
        return self.device.answers.acked

    def wait_for(self, count: int) -> None:
        """Wait for so many acknowledged messages."""
        self.device.wait(lambda: len(self.acknowledged) >= count, 60)

    def end(self) -> None:
        """Stop writing."""
        self._end.set()
        self._thread.join(60)
        self.device.close()


def hold_a_conference(site: Site) -> str:
    """Create a conference, and return its number."""
    manager = Manager(site.rabbitmq.url("/"))
    try:
        answer = manager.answer_to(manager.create())
        assert answer["type"] == "MAU_CM_CREATECONF_ACK", answer
        return str(answer["confE164"])
    finally:
        manager.close()


def lose_everything(site: Site) -> None:
    """Kill all processes and servers, delete their data and people's files, and start the servers empty."""
    site.discard()
    for name in FOLDERS:
        shutil.rmtree(site.env[name])
    site.stopping = False
    Parallel().run([server.start for server in site.servers])


def test_what_was_acknowledged_before_a_backup_is_there_after_a_restore(
    site: Site, tmp_path: Path
) -> None:
    url, key = site.rabbitmq.management_url, str(tmp_path / "key.txt")
    call_api(url, "PUT", VHOST)
    files = [Path(site.env[name]) / "x" / "a file" for name in FOLDERS]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_bytes(b"\x89PNG")
    number = hold_a_conference(site)
    talk = Talk(site)
    talk.wait_for(5)
    acknowledged = dict(talk.acknowledged)
    site.manage("backup")
    meanwhile = len(talk.acknowledged)
    talk.wait_for(meanwhile + 1)
    talk.end()
    assert meanwhile > len(acknowledged), "nobody could write beside the backup"
    (backup,) = (tmp_path / "backups").glob("east-*")
    assert {path.stat().st_mode & 0o777 for path in backup.iterdir()} == {0o600}
    assert json.loads((backup / "manifest.json").read_text())["left_out"] == {}
    site.manage("backup", "--verify", "--identity", key)

    lose_everything(site)
    site.manage("restore", str(backup), "--identity", key, "--settings-to", str(tmp_path / "env"))
    site.start_processes(Report(lambda _line: None), Parallel())

    anna = person(site, "anna")
    stored = dict(read_log(anna, talk.conversation))
    assert {mark: seq for mark, (_, seq) in acknowledged.items()}.items() <= stored.items()
    assert hold_a_conference(site) != number
    assert [file.read_bytes() for file in files] == [b"\x89PNG"] * len(FOLDERS)
    assert call_api(url, "GET", VHOST) is not None
    assert f'SECRET_KEY="{site.vault.secret_key}"' in (tmp_path / "env" / "env").read_text()


def read_log(anna: Person, conversation: str) -> Iterator[tuple[str, int]]:
    """Yield client_msg_id and seq of all messages of a conversation."""
    seq = 0
    while entries := anna.page_after(conversation, seq)["entries"]:
        for message in (entry["data"] for entry in entries):
            seq = message["seq"]
            yield message.get("client_msg_id", ""), seq
