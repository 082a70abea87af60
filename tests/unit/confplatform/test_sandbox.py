"""Programs that decode media of strangers reach these media, and nothing else of their user's."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
VERSION_OF_LANDLOCK = (444, None, 0, 1)

TRIAL = """
import os, socket, sys
from pathlib import Path
from foundation.sandbox import confine

out, segment, secret, worker, port = Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]
confine(out, [segment])

def works(action):
    try:
        action()
    except OSError:
        return False
    return True

import av, PIL.WebPImagePlugin  # libraries can still be loaded
print(
    works((segment / "sound.wav").read_bytes),
    works(lambda: (out / "film.new").write_bytes(b"film")),
    works(lambda: (out / "film.new").replace(out / "film.mp4")),
    works((out / "parts").mkdir),
    works(lambda: (segment / "sound.wav").write_bytes(b"")),
    works(lambda: open(secret).read()),
    works(lambda: os.listdir("/etc")),
    works(lambda: open(f"/proc/{worker}/environ").read()),
    works(lambda: os.execv("/bin/true", ["true"])),
    works(lambda: socket.create_connection(("127.0.0.1", port), 1)),
    works(lambda: socket.socket(socket.AF_UNIX)),
)
"""


@pytest.mark.skipif(
    ctypes.CDLL(None).syscall(*VERSION_OF_LANDLOCK) < 1, reason="this kernel has no Landlock"
)
def test_a_confined_program_reads_media_writes_its_folder_and_reaches_nothing_else(
    tmp_path: Path,
) -> None:
    out, segment, secret = (tmp_path / name for name in ("out", "segment", "secret"))
    out.mkdir()
    segment.mkdir()
    (segment / "sound.wav").write_bytes(b"sound")
    secret.write_text("password")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        trial = subprocess.run(
            [sys.executable, "-c", TRIAL, *map(str, (out, segment, secret, os.getpid(), port))],
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            timeout=60,
            check=False,
        )
    assert trial.stdout.split() == ["True"] * 4 + ["False"] * 7, trial.stderr
    assert (segment / "sound.wav").read_bytes() == b"sound"
    assert (out / "film.mp4").read_bytes() == b"film"
