"""What an upload turned out to be: asked of a program of its own (`look.py`), which may fail as it likes."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from im.data.files import inspect_media
from im.data.metrics import UNSEEN

log = logging.getLogger("im.files")

SECONDS = 30


@dataclass(frozen=True, slots=True)
class Seen:
    """By its content, whatever the sender says of it."""

    content_type: str = inspect_media.BYTES
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    has_thumbnail: bool = False


@contextmanager
def seen(path: Path) -> Iterator[tuple[Seen, Path]]:
    """What lies there, and where its thumbnail is meanwhile."""
    with TemporaryDirectory(prefix="im-look-") as folder:
        thumbnail = Path(folder) / "thumbnail"
        yield _known(_ask(path, thumbnail)), thumbnail


def _ask(path: Path, thumbnail: Path) -> dict[str, Any]:
    """The program's answer; none where it broke down or was stopped."""
    program = [sys.executable, "-I", str(Path(inspect_media.__file__)), str(path), str(thumbnail)]
    try:
        done = subprocess.run(  # noqa: S603 - the file is read by a program of ours, not run
            program, capture_output=True, timeout=SECONDS, env={}, check=True
        )
        return dict(json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError, OSError) as wrong:
        UNSEEN.inc()
        log.info("%s could not be looked at, and is some bytes: %s", path.name, wrong)
        return {}


def _known(found: dict[str, Any]) -> Seen:
    return Seen(**{one.name: found[one.name] for one in fields(Seen) if one.name in found})
