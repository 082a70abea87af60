"""The program `inspect_media.py` is run here to find out what an uploaded file is; it may fail."""

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
_REPOSITORY = Path(__file__).resolve().parents[3]
_PROGRAM = (
    f"import sys; sys.path.append({str(_REPOSITORY)!r})\n"
    "from im.data.files.inspect_media import main\nmain()"
)
"""Python runs this with `-I`, so that neither the folder of the caller nor its environment says what is imported."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """The type, measures and duration that a file's content shows, whatever its sender claims."""

    content_type: str = inspect_media.BYTES
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    has_thumbnail: bool = False


@contextmanager
def inspect_file(path: Path) -> Iterator[tuple[MediaInfo, Path]]:
    """Inspect a file; yield its type and measures, and the path of its thumbnail, which exists only meanwhile."""
    with TemporaryDirectory(prefix="im-look-") as folder:
        thumbnail = Path(folder) / "thumbnail"
        yield _media_info(_run_program(path, thumbnail)), thumbnail


def _run_program(path: Path, thumbnail: Path) -> dict[str, Any]:
    """Run the program `inspect_media` on a file, and return the JSON object that it prints.

    It is `{}` if the program fails or takes over SECONDS.
    """
    program = [sys.executable, "-I", "-c", _PROGRAM, str(path), str(thumbnail)]
    try:
        process = subprocess.run(  # noqa: S603 - the file is read by a program of ours, not run
            program, capture_output=True, timeout=SECONDS, env={}, check=True
        )
        return dict(json.loads(process.stdout))
    except (subprocess.SubprocessError, ValueError, OSError) as error:
        UNSEEN.inc()
        log.info("%s could not be looked at, and is some bytes: %s", path.name, error)
        return {}


def _media_info(answer: dict[str, Any]) -> MediaInfo:
    """Return what the program `inspect_media` has printed as a MediaInfo."""
    return MediaInfo(
        **{field.name: answer[field.name] for field in fields(MediaInfo) if field.name in answer}
    )
