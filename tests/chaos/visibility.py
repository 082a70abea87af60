"""Many generated histories of contacts, labels, blocks, circles and moments; `make test` plays a few of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.chaos.story import Stories

HISTORIES = 300
ROOT = Path(__file__).parents[2]
TEST = "tests/social/people/test_histories.py"


def stories(directory: Path) -> Stories:
    """Yield the story, which runs the test of visibility with servers of its own."""
    yield f"{HISTORIES} histories of who sees what", _play


def _play() -> str:
    env = {**os.environ, "SOCIAL_HISTORIES": str(HISTORIES), "CHECK": "0"}
    # The settings of the stories name no servers; tests have settings of their own.
    env.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-m", "deploy.stand", "test", TEST, "-q"]
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:]
    return "nobody outside the rule saw anything, and nobody inside missed anything"
