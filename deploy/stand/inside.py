"""The commands `manage` and `doctor` run manage.py in the environment of a site that `make up` started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from deploy.stand.errors import StandError
from deploy.stand.report import print_line
from deploy.stand.server import write_private
from deploy.stand.site import REPOSITORY, Site

VAR = REPOSITORY / "var"
FILE = "environment.json"
"""The file in a site's folder with the variables of its processes. Other users cannot read it: it has passwords."""


def write_environments(sites: Iterable[Site]) -> None:
    """Write the environment variables of each site's processes to a file in its folder."""
    for site in sites:
        write_private(site.directory / FILE, json.dumps(site.env, indent=1) + "\n")


def doctor(arguments: list[str]) -> int:
    """Run `manage.py doctor` at each running site, or at the one that the variable SITE names.

    Return the highest exit code: 1 if a site needs attention.
    """
    code = 0
    for name in [os.environ["SITE"]] if os.environ.get("SITE") else _running_sites():
        print_line(f"{name}:")
        code = max(code, _run_manage(name, ["doctor", *arguments]))
    return code


def manage(arguments: list[str]) -> int:
    """Run a command of manage.py at the site that the first argument names; return its exit code.

    Raises StandError if the site or the command is missing.
    """
    if len(arguments) < 2:
        raise StandError("which site, which command? for example: manage east doctor --json")
    return _run_manage(arguments[0], arguments[1:])


def _run_manage(name: str, words: list[str]) -> int:
    """Run manage.py with these arguments for a running site, and return the exit code. Raises StandError."""
    path = VAR / name / FILE
    if name not in (running := _running_sites()):
        raise StandError(f"{name} does not run; running: {', '.join(running) or 'none'} (make up)")
    variables: dict[str, str] = json.loads(path.read_text())
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | variables, check=False
    ).returncode


def _running_sites() -> list[str]:
    """Return the names of the sites that `make up` has started, from var/up.json; none if it does not run."""
    up: Path = VAR / "up.json"
    return list(json.loads(up.read_text())["sites"]) if up.exists() else []
