"""The playbook of deploy/install makes a core and two sites behind TLS, with an authority of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.stand.site import LIBRARY, REPOSITORY
from tests.chaos.hosts import DOMAIN, NETWORK, Hosts
from tests.chaos.story import Stories

INSTALL = REPOSITORY / "deploy" / "install"
MANAGE = "/opt/confplatform/deploy/install/manage"
PATIENCE = 300.0
"""Seconds to wait for what an installation does in the background; hosts share two processors in the worst case."""
NAMES = ("core", "east", "west")
KEY, SECRET, PASSWORD = "a" * 16, "b" * 32, "correct horse battery"
PEOPLE = f"""
from domains.flows import change, people
from domains.models import ApiKey, UserDomain, hash_secret
tenant = UserDomain.objects.get()
people.create({PASSWORD!r}, username="anna", domain=tenant)
change.save_key(ApiKey(key={KEY!r}, secret_hash=hash_secret({SECRET!r}), domain=tenant, name="Trial"))
"""
MOID_OF_EAST = (
    "from domains.models import PlatformDomain as P; print(P.objects.get(name='east').moid)"
)
VARIABLES = {
    "installation": "chaos",
    "ansible_connection": "host_namespace",
    "ansible_become": False,
    "install_packages": False,
    "install_program": False,
    "service_manager": "processes",
    "service_name": "Trial",
    "tenant_name": "Head office",
    "workers": 1,
    "cell_buffer_pool": "128M",
    "database_buffer_pool": "128M",
    "require_second_factor": False,
}


def stories(root: Path) -> Stories:
    """Make three hosts, and tell the stories of their installation; without root's rights the one story fails."""
    if os.geteuid() != 0:
        yield "bare hosts become a core and two sites", _ask_for_root
        return
    hosts = Hosts(root / "hosts", NAMES)
    try:
        hosts.start()
        installation = Installation(hosts, root)
        yield "bare hosts become a core and two sites", installation.install
        yield "a conference is held by TLS", installation.hold_conference
        yield "the playbook changes nothing when it runs again", installation.install_again
        yield "logs are rotated", installation.rotate_logs
        yield "a planned takeover works behind TLS", installation.drill
    finally:
        hosts.stop()


def _ask_for_root() -> str:
    """Raise PermissionError: an ordinary user cannot make hosts."""
    raise PermissionError("hosts made of namespaces and overlays need root")


class Installation:
    """An installation is made by the playbook on hosts, and then used as people use it."""

    def __init__(self, hosts: Hosts, root: Path) -> None:
        """Describe the installation in an inventory below `root`."""
        self.hosts, self.folder = hosts, root / "installation"
        self.folder.mkdir()
        self.token = ""

    def install(self) -> str:
        """Make certificates, run the playbook, and wait until both platforms are protected."""
        began = time.monotonic()
        names = [f"{name}.{DOMAIN}" for name in NAMES]
        pairs = zip(names, NAMES, strict=True)
        words = [f"{full}={full},{self.hosts.address(name)}" for full, name in pairs]
        subprocess.run(
            [str(INSTALL / "authority"), str(self.folder / "certificates"), *words], check=True
        )
        (self.folder / "hosts.json").write_text(json.dumps(self._inventory()))
        self._run_playbook()
        self._wait_until(lambda: self._status().count(", protected, ") == len(NAMES) - 1)
        return f"{time.monotonic() - began:.0f} s"

    def install_again(self) -> str:
        """Run the playbook a second time: it reports no change on any host, and no secret in its output."""
        output = self._run_playbook()
        assert output.count(" changed=0 ") == len(NAMES), output[-3000:]
        secrets = [path for path in (self.folder / "secrets").rglob("*") if path.is_file()]
        assert secrets
        shown = [path.name for path in secrets if path.read_text().strip() in output]
        assert not shown, shown
        return f"{len(secrets)} secrets stay secret"

    def rotate_logs(self) -> str:
        """Rotate the logs of a site at once: the front's and those of both brokers become other files."""
        self.hosts.run("east", "logrotate", "--force", "/etc/logrotate.d/confplatform")
        files = self.hosts.run(
            "east", "find", "/var/log", "-path", "*/confplatform-*", "-type", "f"
        )
        rotated = [path for path in files.split() if path.endswith((".1", ".1.gz"))]
        assert {"confplatform-front", "confplatform-broker", "confplatform-clients-broker"} <= {
            Path(path).parent.name for path in rotated
        }, files
        return f"{len(rotated)} files"

    def hold_conference(self) -> str:
        """Create a conference at the site east through its front, and read it again."""
        self._make_people()
        self._wait_until(lambda: bool(self._sign_in("east")))
        number = self._create("east")
        assert number in self._call("east", "GET", f"vc/confs?account_token={self.token}")
        return f"number {number}"

    def drill(self) -> str:
        """Have west serve the platform of east for a moment, and home take it back."""
        moid = self.hosts.run("core", MANAGE, "shell", "--command", MOID_OF_EAST).split()[-1]
        report = self.hosts.run("core", MANAGE, "dr", "drill", moid, "--yes")
        assert "there and back" in report, report
        self._wait_until(lambda: bool(self._create("east")))
        return report.strip().splitlines()[-1]

    def _run_playbook(self) -> str:
        """Run the playbook for all hosts, and return its output. Raises AssertionError if it fails."""
        inventory = str(self.folder / "hosts.json")
        argv = [str(_ansible()), "-i", "defaults.yml", "-i", inventory, "site.yml"]
        plugins = REPOSITORY / "tests" / "chaos" / "connection_plugins"
        env = {**os.environ, "ANSIBLE_CONNECTION_PLUGINS": str(plugins)}
        result = subprocess.run(
            argv, cwd=INSTALL, env=env, capture_output=True, text=True, check=False
        )
        output = result.stdout + result.stderr
        assert result.returncode == 0, output[-4000:]
        return output

    def _inventory(self) -> dict[str, Any]:
        """Return the inventory: the hosts by their first processes, each site the other one's backup."""
        hosts: dict[str, dict[str, Any]] = {
            f"{name}.{DOMAIN}": {
                "ansible_host": self.hosts.address(name),
                "ansible_host_pid": str(self.hosts.pids[name]),
            }
            for name in NAMES
        }
        core, east, west = hosts
        hosts[east]["backup_site"], hosts[west]["backup_site"] = west, east
        groups = {
            "core": {"hosts": {core: hosts[core]}},
            "sites": {"hosts": {east: hosts[east], west: hosts[west]}},
            "owners": {"children": {"core": {}}},
            "followers": {"children": {"sites": {}}},
        }
        variables = {**VARIABLES, "monitoring_networks": [f"{NETWORK}.1"]}
        return {"all": {"vars": variables, "children": groups}}

    def _make_people(self) -> None:
        """Create a person and an API key at the core, in the tenant that the playbook has made."""
        self.hosts.run("core", MANAGE, "shell", "--command", PEOPLE)

    def _sign_in(self, site: str) -> str:
        """Sign in a program and a person at a site; return the token, "" before the site knows them."""
        key = {"oauth_consumer_key": KEY, "oauth_consumer_secret": SECRET}
        answer = json.loads(self._call(site, "POST", "system/token", **key))
        self.token = str(answer.get("account_token", ""))
        person = {"username": "anna", "password": PASSWORD, "account_token": self.token}
        answer = json.loads(self._call(site, "POST", "system/login", **person))
        return self.token if answer.get("success") else ""

    def _create(self, site: str) -> str:
        """Create a conference at a site; return its number, "" if it is refused."""
        params = json.dumps({"name": "first", "duration": 60, "conf_type": 0})
        answer = self._call(site, "POST", "mc/confs", account_token=self.token, params=params)
        return str(json.loads(answer).get("conf_id", ""))

    def _call(self, site: str, method: str, path: str, **form: str) -> str:
        """Send a request of the open API to a site by https, with its certificate checked; return the answer."""
        fields = [
            word for name, value in form.items() for word in ("--data-urlencode", f"{name}={value}")
        ]
        jar = str(self.folder / f"cookies-{site}")
        return self.hosts.run(
            "",
            *("curl", "--silent", "--show-error", "--max-time", "60", "--request", method),
            *("--cacert", str(self.folder / "certificates" / "ca.pem")),
            *("--resolve", f"{site}.{DOMAIN}:443:{self.hosts.address(site)}"),
            *("--cookie", jar, "--cookie-jar", jar, *fields),
            f"https://{site}.{DOMAIN}/api/v1/{path}",
        )

    def _wait_until(self, is_true: Callable[[], bool]) -> None:
        """Ask each second until the answer is true. Raises AssertionError after PATIENCE seconds."""
        deadline = time.monotonic() + PATIENCE
        while not is_true():
            assert time.monotonic() < deadline, self._status()
            time.sleep(1)

    def _status(self) -> str:
        """Return the core's report on the platforms: which site serves each, and whether it is protected."""
        return self.hosts.run("core", MANAGE, "dr", "status")


def _ansible() -> Path:
    """Return the program ansible-playbook of the pinned packages, which are installed once into a folder of var."""
    program = LIBRARY / "ansible" / "bin" / "ansible-playbook"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(LIBRARY / "ansible")], check=True)
        pip = [str(LIBRARY / "ansible" / "bin" / "pip"), "install", "--quiet", "--require-hashes"]
        subprocess.run([*pip, "-r", str(REPOSITORY / "requirements-install.txt")], check=True)
    return program
