"""The program finds out type and measures of a file that strangers wrote, in a process of its own.

It is run with two arguments, the file and a path for its thumbnail (see `media_info.py`). It prints `{content_type,
width, height, duration_ms, has_thumbnail}` as JSON. It has no secrets, little memory and time, no network, and no other
files. The caller treats a file as plain bytes if anything goes wrong.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

from foundation.sandbox import confine

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 10
OUT_BYTES = 4 << 20
_ORIENTATION = 0x0112
THUMBNAIL_EDGE = 320
"""The longer side of a thumbnail, in pixels."""
MAX_PIXELS = 50_000_000
"""A picture with more pixels is not opened, and not shown as a picture."""
MEASURED_BYTES = 256 << 20
"""A recording that does not state its length is read through up to this size."""
LONGEST_MS = 30 * 24 * 3600 * 1000
"""A file that claims to last longer has no duration; the column has 32 bits."""
HEAD_BYTES = 64 * 1024
PICTURES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
RECORDINGS = {
    "matroska,webm": "webm",
    "ogg": "ogg",
    "mp3": "mpeg",
    "mov,mp4,m4a,3gp,3g2,mj2": "mp4",
    "wav": "wav",
    "flac": "flac",
}
BYTES = "application/octet-stream"
Info = dict[str, str | int | bool | None]


def inspect(path: str, thumbnail: str) -> Info:
    """Return a file's content type and measures (width, height, duration), as its content says.

    If it is a picture, its thumbnail is written to the path `thumbnail`. What cannot be read is BYTES, a file of no
    known type.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    kind = _type_by_first_bytes(head)
    if kind.startswith("image/"):
        return _inspect_picture(path, thumbnail) or {"content_type": BYTES}
    if kind.startswith(("audio/", "video/")):
        return _inspect_recording(path) or {"content_type": BYTES}
    return {"content_type": kind}


def _type_by_first_bytes(head: bytes) -> str:
    """Return the content type (MIME) that a file's first bytes (`head`) show."""
    import puremagic

    try:
        mime_type = str(puremagic.from_string(head, mime=True))
    except (puremagic.PureError, ValueError):
        mime_type = ""
    return mime_type or ("text/plain" if _is_text(head) else BYTES)


def _is_text(head: bytes) -> bool:
    """Return whether a file's first bytes (`head`, at most HEAD_BYTES) are text in UTF-8."""
    try:
        # A full `head` may end within a character, which has up to four bytes: its last four are not decoded.
        head[: HEAD_BYTES - 4].decode()
    except UnicodeDecodeError:
        return False
    return bool(head) and b"\0" not in head


def _inspect_picture(path: str, thumbnail: str) -> Info | None:
    """Return the type and measures of a picture as it is shown, and write its thumbnail to the path `thumbnail`.

    `None` if it has more than MAX_PIXELS pixels.
    """
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    with Image.open(path, formats=list(PICTURES)) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            return None
        kind = PICTURES[str(image.format)]
        # The EXIF orientations 5 to 8 turn the picture by 90 degrees, so that width and height change places.
        is_rotated = image.getexif().get(_ORIENTATION, 1) in range(5, 9)
        image.draft("RGB", (2 * THUMBNAIL_EDGE, 2 * THUMBNAIL_EDGE))
        upright = ImageOps.exif_transpose(image)
        small = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
        small.thumbnail((THUMBNAIL_EDGE, THUMBNAIL_EDGE))
        small.save(thumbnail, "WEBP", quality=80)
    sides = {"width": height, "height": width} if is_rotated else {"width": width, "height": height}
    return {"content_type": kind, "has_thumbnail": True, **sides}


def _inspect_recording(path: str) -> Info | None:
    """Return the type, measures and duration of an audio or video file; `None` if its format is none of RECORDINGS."""
    import av

    with av.open(path) as container:
        kind = RECORDINGS.get(container.format.name)
        if kind is None or not container.streams:
            return None
        info: Info = {}
        # A sound file may hold its cover as a video stream.
        if video_streams := [
            stream for stream in container.streams.video if not stream.disposition & _COVER
        ]:
            info = {
                "width": video_streams[0].width or None,
                "height": video_streams[0].height or None,
            }
        info["content_type"] = f"{'video' if video_streams else 'audio'}/{kind}"
        info["duration_ms"] = _duration_ms(container)
    return info


_COVER = 0x400
"""The value of ffmpeg's AV_DISPOSITION_ATTACHED_PIC: a record's cover is no film."""


def _duration_ms(container: Any) -> int | None:
    """Return the duration of an audio or video file in milliseconds; `None` if it is unknown.

    Recordings that browsers make do not state it. Then the end of the last packet counts, unless
    the file is longer than MEASURED_BYTES. A duration that no recording has was made up by its sender.
    """
    if container.duration:
        return _possible_ms(int(container.duration) // 1000)
    if container.size > MEASURED_BYTES:
        return None
    end = 0.0
    for packet in container.demux():
        if packet.pts is not None and packet.time_base:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return _possible_ms(round(end * 1000))


def _possible_ms(milliseconds: int) -> int | None:
    """Return a duration that a recording can have; `None` for one that it cannot have."""
    return milliseconds if 0 < milliseconds <= LONGEST_MS else None


def main() -> None:
    """Print as JSON what a file is (first argument), after limiting this process's memory, time and rights.

    The second argument is the path for a thumbnail. Files come from anybody, and may be made to do harm.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUT_BYTES, OUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    file, thumbnail = map(Path, sys.argv[1:])
    confine(thumbnail.parent, [file])
    print(json.dumps(inspect(str(file), str(thumbnail))))


if __name__ == "__main__":
    main()
