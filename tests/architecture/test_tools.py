"""The tools of the repository do what its documents say of them."""

from __future__ import annotations

import importlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from benchmarks import __main__ as benchmarks
from deploy import new_app
from deploy.stand import linters, testing, up
from deploy.stand.interrupts import raise_when_asked_to_end
from tests.chaos import __main__ as chaos

ROOT = Path(__file__).parents[2]


def _plain(command: str) -> str:
    """Return a command without its folder, its environment, and which files it looks at."""
    words = command.replace(".venv/bin/", "").split()
    return " ".join(
        w for w in words if w not in ("env", ".", "--force-exclude", "--check") and "=" not in w
    )


def test_make_check_and_the_hooks_before_a_commit_do_the_same() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = {_plain(hook["entry"]) for repo in config["repos"] for hook in repo["hooks"]}
    assert {_plain(" ".join(words)) for words in linters.CHECKS} == hooks


@pytest.mark.parametrize("module", chaos.GROUPS.values())
def test_each_group_of_chaos_has_stories(module: str) -> None:
    assert callable(importlib.import_module(module).stories)


@pytest.mark.parametrize(("file", "pattern", "_replacement"), new_app.EDITS)
def test_a_new_app_finds_its_place_in_each_list(file: str, pattern: str, _replacement: str) -> None:
    assert re.search(pattern, (ROOT / file).read_text(), re.MULTILINE), f"correct it: {file}"


def test_the_simulation_starts_by_itself() -> None:
    words = [sys.executable, "-m", "tests.simulation", "--seeds", "1", "--steps", "20"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    done = subprocess.run(words, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
    assert "1 worlds" in done.stdout, done.stderr[-3000:]
    assert done.returncode == 0


@pytest.mark.parametrize(("program", "name"), [(chaos, "two-sites"), (benchmarks, "tree")])
def test_who_asks_a_long_program_for_help_gets_help_alone(
    program: ModuleType, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["--help"])
    assert ended.value.code == 0
    assert name in capsys.readouterr().out


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_program_that_is_asked_to_end_stops_what_it_has_started(signum: int) -> None:
    script = """
import signal, time
from deploy.stand.interrupts import raise_when_asked_to_end
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a background job
raise_when_asked_to_end()
try:
    print("ready", flush=True)
    while True:
        time.sleep(0.1)  # A signal just before pause() would be waited for without end.
finally:
    print("stopped")
"""
    program = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=-1, stderr=subprocess.DEVNULL, text=True
    )
    assert program.stdout
    assert program.stdout.readline() == "ready\n"
    program.send_signal(signum)
    assert program.communicate(timeout=60)[0] == "stopped\n"


@pytest.mark.parametrize("program", [chaos, benchmarks, testing, up])
def test_each_program_that_starts_servers_heeds_the_signals_that_end_it(
    program: ModuleType,
) -> None:
    assert program.raise_when_asked_to_end is raise_when_asked_to_end
