"""The commands `up`, `down` and `clean` start, stop and delete an installation for a person who tries the product."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from deploy.stand import owned
from deploy.stand.errors import StandError
from deploy.stand.guide import guide
from deploy.stand.inside import write_environments
from deploy.stand.interrupts import ignore_while_stopping, raise_when_asked_to_end
from deploy.stand.report import print_line
from deploy.stand.server import write_private
from deploy.stand.site import REPOSITORY
from deploy.stand.stand import Stand

VAR = REPOSITORY / "var"
UP_JSON = VAR / "up.json"
PID_FILE = VAR / "up.pid"
LOG = VAR / "log" / "up.log"
STOP_SECONDS = 90.0


def up() -> int:
    """Start all sites, and return the exit code when they have stopped: 0, or another one after a failure.

    They run until this process is interrupted; with DETACH=1 they are left in the background.
    """
    if _is_set("DETACH"):
        return _up_in_background()
    return _up_in_foreground()


def down() -> int:
    """Stop all processes that `up` has started, also after a crash of `up`. Returns the exit code 0."""
    pid = _running_up()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while _running_up() == pid and time.monotonic() < deadline:
            time.sleep(0.1)
        # It has not ended in time.
        if _running_up() == pid:
            os.kill(pid, signal.SIGKILL)
    UP_JSON.unlink(missing_ok=True)
    PID_FILE.unlink(missing_ok=True)
    # After a crash of `up` its processes may still run.
    count = sum(owned.stop_all(directory) for directory in _site_directories())
    print_line("stopped" if pid is not None or count else "nothing was running")
    return 0


def clean() -> int:
    """Delete all data of the trial's sites, and return the exit code 0. Installed programs (var/lib) stay.

    Raises StandError while sites run.
    """
    if _running_up() is not None:
        raise StandError("it is running; first: make down")
    for directory in _site_directories():
        owned.stop_all(directory)
    for entry in VAR.iterdir() if VAR.exists() else ():
        if entry.name in ("lib", "test"):  # a test session deletes its own files
            continue
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    print_line("var/ is empty; make up begins anew")
    return 0


def _up_in_foreground() -> int:
    """Start all sites, print the guide, wait for a signal, stop all sites, and return the exit code 0.

    Settings come from the environment variables SITES, PORT_BASE, MEDIA, UNITS, XMPP and IM_STAGES.
    """
    sites = _number_from_environment("SITES", 2)
    os.umask(0o077)
    VAR.mkdir(exist_ok=True)
    VAR.chmod(0o700)  # files of an earlier run may be readable for everybody
    stand = Stand(
        VAR,
        _number_from_environment("PORT_BASE", 21000),
        sites=sites,
        media=os.environ.get("MEDIA") or "janus",
        units=_number_from_environment("UNITS", 2),
        core=True,
        cells=sites == 2,
        im=True,
        xmpp=_is_set("XMPP"),
        sip=_is_set("SIP"),
        stages=os.environ.get("IM_STAGES") == "distributed",
    )
    stand.supervise_servers()
    raise_when_asked_to_end()
    began = time.monotonic()
    stand.claim()
    UP_JSON.unlink(missing_ok=True)  # left by a run that has crashed
    write_private(PID_FILE, f"{os.getpid()}\n")
    try:
        print_line("starting (logs in var/<site>/log)")
        stand.start()
        write_environments(stand.sites.values())
        write_private(UP_JSON, json.dumps(stand.up_json, indent=2, ensure_ascii=False) + "\n")
        print_line(f"ready after {time.monotonic() - began:.0f} s\n\n{guide(stand.up_json)}")
        while True:
            time.sleep(1)  # A signal that comes just before signal.pause() would be lost in it.
    except KeyboardInterrupt:
        return 0
    finally:
        ignore_while_stopping()
        UP_JSON.unlink(missing_ok=True)
        print_line("stopping")
        stand.stop()
        PID_FILE.unlink(missing_ok=True)


def _up_in_background() -> int:
    """Run `up` in a background process, print its progress, and return its exit code once it is ready.

    130 means that it was interrupted. Raises StandError if a stand runs already.
    """
    if (pid := _running_up()) is not None:
        raise StandError(f"it runs already (pid {pid}); stop it with: make down")
    LOG.parent.mkdir(parents=True, exist_ok=True)
    LOG.unlink(missing_ok=True)
    with open(LOG, "ab", opener=_open_private) as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "deploy.stand", "up"],
            cwd=REPOSITORY,
            env={**os.environ, "DETACH": ""},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    raise_when_asked_to_end()
    try:
        return _print_progress(child)
    except KeyboardInterrupt:
        child.send_signal(signal.SIGTERM)
        child.wait()
        print_line("stopped")
        return 130


def _print_progress(child: "subprocess.Popen[bytes]") -> int:
    """Print the log of the background process until it is ready or has ended, and return the exit code."""
    with LOG.open() as log:
        while True:
            has_ended = child.poll() is not None
            is_ready = UP_JSON.exists() and _running_up() == child.pid
            time.sleep(0.1)  # The guide is printed just after up.json is written.
            sys.stdout.write(log.read())
            sys.stdout.flush()
            if has_ended:
                return child.returncode
            if is_ready:
                print_line("it goes on in the background; stop it with: make down")
                return 0


def _open_private(path: str, flags: int) -> int:
    """Open a file that nobody else may read: the log shows the passwords of the demonstration."""
    return os.open(path, flags, 0o600)


def _running_up() -> int | None:
    """Return the process id of the `make up` that runs in this clone of the repository; `None` if none runs."""
    try:
        pid = int(PID_FILE.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        is_of_this_clone = Path(f"/proc/{pid}/cwd").resolve() == REPOSITORY
    except (OSError, ValueError):
        return None
    return pid if b"deploy.stand" in command and is_of_this_clone else None


def _site_directories() -> list[Path]:
    """Return the directories of all sites that were ever started."""
    return [path.parent for path in VAR.glob("*/secrets.json")]


def _is_set(name: str) -> bool:
    """Return whether an environment variable has a value that means yes."""
    return os.environ.get(name, "").lower() in ("1", "true", "yes", "on")


def _number_from_environment(name: str, default: int) -> int:
    """Return the number in an environment variable, or a default. Raises StandError if it is no number."""
    text = os.environ.get(name) or str(default)
    if not text.isdigit():
        raise StandError(f"{name}={text} is not a number")
    return int(text)
