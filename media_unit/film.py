"""The program makes a film (MP4) of the recorded segments of a conference: `python -m media_unit.film OUT SEGMENT...`.

The sound is mixed already. The pictures are arranged as tiles with names, a shared screen large. The pictures of
each segment become a file of their own (`parts/`), so that whoever goes on after a crash begins with the segment at
which it happened. Then the parts are joined, with a card (a picture with a text) for each gap between them. Beside
the film lie the same film for HLS, and its chapters (`chapters.json`).

The program prints lines of JSON: `{"progress": percent}` at least each two seconds of work, and at the end
`{"ms", "bytes"}`. The media come from strangers: the program has no environment, little memory, and a sandbox without
network and other files. It ends when nobody reads its output.
"""

from __future__ import annotations

import fcntl
import os
import resource
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import orjson
from av.video.stream import VideoStream

from foundation.sandbox import confine
from media_unit.composer import Source, Tile, drawn_text, paste
from media_unit.film_chapters import PlacedSegment, chapters_of
from media_unit.film_hls import write_hls
from media_unit.film_sound import FilmSound
from media_unit.fonts import has_chinese
from media_unit.picture_layout import HEIGHT, MOST_PICTURES, WIDTH, PlannedTile, film_rectangles
from media_unit.segment_files import PictureFile, Segment, packets_of, read_segment

FRAMES_A_SECOND = 15
_OPTIONS = {
    "preset": "veryfast",
    "crf": "26",
    # All parts have the same settings and key frames each two seconds, so that they can be joined and sought in.
    "x264-params": "keyint=30:min-keyint=30:scenecut=0:bframes=0",
}
_LONGEST_CARD = 5.0
"""Seconds for which the card of a gap is shown, however long the gap was."""
_THUMBNAIL = (320, 180)
_THUMBNAIL_AT = 3.0
"""Seconds of the first segment after which its picture is the thumbnail."""
_MEMORY_BYTES = 2 << 30
_CPU_SECONDS = 6 * 3600
_FILE_BYTES = 16 << 30
_SHARE_OF_PICTURES = 90
"""Percent of the work after which the parts are made, and are joined."""


class FilmSource:
    """The recorded pictures of one participant, decoded up to a moment of the segment."""

    def __init__(self, picture: PictureFile) -> None:
        """Open the file of a participant's pictures; none is decoded yet."""
        self.picture = picture
        self.decoded = Source()
        self._packets = packets_of(picture)
        self._next = next(self._packets, None)

    def advance(self, second: float) -> None:
        """Decode the pictures that came up to this second of the segment; the last of them is then the present one."""
        while self._next and self._next[0] <= second:
            before = self.decoded.frame
            self.decoded.add_packet(self._next[1])
            if self.decoded.frame is not before:
                self.decoded.seen_at = second
            self._next = next(self._packets, None)
            # The last picture is shown for as long as its sender is in the conference.
            if self._next is None:
                self.decoded.seen_at = float("inf")

    @property
    def is_shown(self) -> bool:
        """Return whether there is a picture now, and further ones follow."""
        return self.decoded.frame is not None and self._next is not None


class Film:
    """A film that is made of segments, in a folder into which no other process writes."""

    def __init__(self, segments: list[tuple[str, Segment]], out: Path) -> None:
        """Prepare to make the film in the folder `out`; `segments`: pairs of name and segment, in their order."""
        self._segments, self._out = segments, out
        self._parts = out / "parts"
        self._total = sum(segment.seconds for _, segment in segments) or 1.0
        self._printed_at = 0.0

    def make(self) -> dict[str, int]:
        """Make the film, with the parts that an earlier attempt has finished.

        Return its length in milliseconds and its bytes.
        """
        self._parts.mkdir(exist_ok=True)
        done = 0.0
        for name, segment in self._segments:
            if not (self._parts / f"{name}.mp4").exists():
                self._make_part(name, segment, done)
            done += segment.seconds
        return self._join()

    def _make_part(self, name: str, segment: Segment, done: float) -> None:
        """Make the file with the pictures of one segment, and the thumbnail if there is none.

        `done`: how many seconds of the film come before it.
        """
        unfinished = self._parts / f"{name}.new"
        frames = max(1, round(segment.seconds * FRAMES_A_SECOND))
        thumbnail_at = min(round(_THUMBNAIL_AT * FRAMES_A_SECOND), frames - 1)
        with av.open(str(unfinished), "w", format="mp4") as container:
            stream = _add_video(container)
            for number, canvas in enumerate(_pictures_of(segment, frames)):
                if number == thumbnail_at and not (self._out / "thumbnail.webp").exists():
                    image = canvas.reformat(*_THUMBNAIL, "rgb24").to_image()  # type: ignore[no-untyped-call]  # av has no types there
                    image.save(self._out / "thumbnail.webp", quality=80)
                _encode(container, stream, canvas, number)
                self._print_progress(
                    (done + number / FRAMES_A_SECOND) / self._total * _SHARE_OF_PICTURES
                )
            container.mux(stream.encode(None))
        unfinished.replace(self._parts / f"{name}.mp4")

    def _make_card(self, path: Path, gap: float) -> float:
        """Make a file with a picture that says that nothing was recorded for `gap` seconds.

        Return for how long it is shown (s).
        """
        frames = max(1, round(min(gap, _LONGEST_CARD) * FRAMES_A_SECOND))
        text = f"{gap:.0f} s 没有录制" if has_chinese() else f"not recorded for {gap:.0f} s"
        card = drawn_text(text, WIDTH, HEIGHT)
        with av.open(str(path), "w", format="mp4") as container:
            stream = _add_video(container)
            for number in range(frames):
                _encode(container, stream, card, number)
            container.mux(stream.encode(None))
        return frames / FRAMES_A_SECOND

    def _join(self) -> dict[str, int]:
        """Join the parts and the sound to one file; return its length in milliseconds and its bytes.

        The file's index comes first, so that a browser plays it at once. A gap of over 0.5 s is shown as a card.
        """
        unfinished, first = self._out / "film.new", self._parts / f"{self._segments[0][0]}.mp4"
        options = {"movflags": "+faststart"}
        with av.open(str(unfinished), "w", format="mp4", options=options) as container:
            with av.open(str(first)) as part:
                video = container.add_stream_from_template(part.streams.video[0])
            sound = FilmSound(container)
            at, placed = Fraction(0), list[PlacedSegment]()
            before: Segment | None = None
            for name, segment in self._segments:
                gap, card_at = _gap_between(before, segment), at
                if gap:
                    card = self._parts / f"before-{name}.mp4"
                    self._make_card(card, gap)
                    at = self._append(container, video, sound, card, None, at)
                placed.append(PlacedSegment(segment, float(at), gap, float(card_at)))
                at = self._append(container, video, sound, self._parts / f"{name}.mp4", segment, at)
                before = segment
            sound.end()
        unfinished.replace(film := self._out / "film.mp4")
        write_hls(film)
        chapters = [chapter._asdict() for chapter in chapters_of(placed)]
        (self._out / "chapters.json").write_bytes(orjson.dumps(chapters))
        return {"ms": round(at * 1000), "bytes": film.stat().st_size}

    def _append(
        self,
        container: av.container.OutputContainer,
        video: VideoStream,
        sound: FilmSound,
        path: Path,
        segment: Segment | None,
        at: Fraction,
    ) -> Fraction:
        """Append a part, with its segment's sound, at the second `at` of the film; return the second at which it ends.

        `segment`: `None` for a card, which is silent.
        """
        samples = sound.begin_part(segment.sound if segment else None)
        frames = 0
        with av.open(str(path)) as part:
            for packet in part.demux(part.streams.video[0]):
                if packet.dts is None or packet.pts is None or packet.time_base is None:
                    continue
                offset = round(at / packet.time_base)
                packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                packet.stream = video
                container.mux(packet)
                frames += 1
                sound.write_until(samples, at + Fraction(frames, FRAMES_A_SECOND))
                self._print_progress(_SHARE_OF_PICTURES)
        return at + Fraction(frames, FRAMES_A_SECOND)

    def _print_progress(self, percent: float) -> None:
        """Print how many percent are done, at most once in a second.

        Raises BrokenPipeError if nobody reads the output any more, which ends the program.
        """
        if (now := time.monotonic()) - self._printed_at >= 1:
            self._printed_at = now
            _print({"progress": min(99, round(percent))})


def _gap_between(before: Segment | None, segment: Segment) -> float:
    """Return for how many seconds nothing was recorded before a segment; 0 for the first, and up to half a second."""
    gap = (segment.begun - before.ended).total_seconds() if before else 0.0
    return gap if gap > 0.5 else 0.0


def _pictures_of(segment: Segment, frames: int) -> Iterator[av.VideoFrame]:
    """Yield the composed pictures of a segment, one for each frame; it is always the same object, drawn again."""
    sources = [FilmSource(picture) for picture in segment.pictures]
    canvas, tiles, shown = drawn_text("", WIDTH, HEIGHT), list[Tile](), None
    for number in range(frames):
        second = number / FRAMES_A_SECOND
        for source in sources:
            source.advance(second)
        plan = _plan(segment, sources, second)
        if plan != shown:
            shown = plan
            tiles = _tiles(plan, sources)
            paste(canvas, drawn_text("", WIDTH, HEIGHT), 0, 0)
        for tile in tiles:
            tile.draw(canvas, second, is_covered=False)
        yield canvas


def _plan(
    segment: Segment, sources: list[FilmSource], second: float
) -> list[tuple[str, int | None, bool]]:
    """Return who is shown in a second of a segment: tuples of name, number of the source, and whether it is a screen.

    The number is `None` for somebody without a picture, of whom the name alone is shown. At most one shared screen
    comes first, then the people who are there.
    """
    here = {
        participant: person
        for participant, person in segment.people.items()
        if person.begin <= second < person.end
    }
    cameras: dict[str, int | None] = {person.mtid: None for person in here.values()}
    names = {person.mtid: person.name for person in here.values()}
    screens: list[tuple[str, int | None, bool]] = []
    for number, source in enumerate(sources):
        person = here.get(source.picture.participant)
        if person and source.decoded.frame and source.picture.is_screen and source.is_shown:
            screens.append((person.name, number, True))
        elif person and source.decoded.frame and not source.picture.is_screen:
            cameras[person.mtid] = number
    people = [(names[mtid], number, False) for mtid, number in cameras.items()]
    return [*screens[:1], *people][:MOST_PICTURES]


def _tiles(plan: list[tuple[str, int | None, bool]], sources: list[FilmSource]) -> list[Tile]:
    """Return the places in the picture for those whom a plan shows, with their names and sources."""
    has_screen = bool(plan) and plan[0][2]
    places = film_rectangles(len(plan), has_screen=has_screen)
    return [
        Tile(
            PlannedTile(rectangle, 0, name, shows_name=True),
            None if number is None else sources[number].decoded,
        )
        for rectangle, (name, number, _) in zip(places, plan, strict=True)
    ]


def _add_video(container: av.container.OutputContainer) -> VideoStream:
    """Add a video stream to a file and return it.

    All parts of a film have the same settings, so that they can be joined.
    """
    stream = container.add_stream("libx264", rate=FRAMES_A_SECOND, options=_OPTIONS)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.codec_context.thread_count = 1
    return stream


def _encode(
    container: av.container.OutputContainer,
    stream: VideoStream,
    picture: av.VideoFrame,
    number: int,
) -> None:
    """Encode a picture as the frame with this number, and write it to the file."""
    picture.pts, picture.time_base = number, Fraction(1, FRAMES_A_SECOND)
    container.mux(stream.encode(picture))


def _print(line: dict[str, int]) -> None:
    """Print a line of JSON. Raises BrokenPipeError if nobody reads it, which ends the program with its caller."""
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    sys.stdout.buffer.flush()


def _limit() -> None:
    """Limit the memory and time of this process, and the size of its files; let others go first."""
    for kind, limit in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    os.nice(10)


def main() -> None:
    """Make the film of the segments in the folders of the command line, and print its length and size.

    Ends with an error if another process makes it, or no segment can be used.
    """
    out, *folders = map(Path, sys.argv[1:])
    _limit()
    confine(out, folders)
    lock = (out / "lock").open("w")  # held until the process ends
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    segments = [(path.name, read_segment(path)) for path in folders]
    usable = [(name, segment) for name, segment in segments if segment and segment.seconds > 0]
    if not usable:
        sys.exit("no segment says from when to when it was recorded")
    _print(Film(usable, out).make())


if __name__ == "__main__":
    main()
