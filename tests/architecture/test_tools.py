"""The tools of the repository do what its documents say of them."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from benchmarks import __main__ as benchmarks
from deploy import new_app
from deploy.stand import linters
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
