"""A verification that is killed leaves nothing of the backup in clear: neither its server nor its files."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 90.0
PROGRAM = """
import sys, time
from pathlib import Path
from foundation.backup.scratch_server import scratch_server
with scratch_server(Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(600)
"""


def _servers_below(folder: Path) -> list[str]:
    """Return the ids of the processes whose command line names the folder."""
    needle = str(folder).encode()
    processes = Path("/proc").glob("[0-9]*/cmdline")
    return [path.parent.name for path in processes if needle in _content_of(path)]


def _content_of(path: Path) -> bytes:
    """Return the bytes of a file, none if it has gone meanwhile."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_verification_that_is_killed_leaves_no_server_and_no_file(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as verification:
        assert verification.stdout is not None
        assert verification.stdout.readline() == "ready\n"
        assert list(tmp_path.iterdir())
        verification.kill()
    deadline = time.monotonic() + PATIENCE
    while list(tmp_path.iterdir()) or _servers_below(tmp_path):
        assert time.monotonic() < deadline, (list(tmp_path.iterdir()), _servers_below(tmp_path))
        time.sleep(0.1)
