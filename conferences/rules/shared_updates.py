"""Updates of shared documents are checked byte by byte, before a library reads them. Pure.

An update is binary, in version 1 of the Yjs format, and comes from anybody in a call. The library (pycrdt) believes it:
nested arrays in 60 KB overflow its stack and end the process, and a large number of clients costs gigabytes. So only
those parts of the format pass that our pages write: texts of the notes, and elements of the whiteboard, each of them a
text under a key.
"""

from __future__ import annotations

from conferences.rules.shared_documents import MAX_UPDATE, Kind

MAX_KEY = 64
"""Bytes of the key of a whiteboard's element."""
MAX_ELEMENT = 8 * 1024
"""Bytes of an element of a whiteboard."""

_GC, _DELETED, _STRING, _ANY = 0, 1, 4, 8
"""Kinds of structs: what was collected or deleted, a text of the notes, a value of the whiteboard."""
_STRUCTS = {Kind.NOTES: (_GC, _DELETED, _STRING), Kind.BOARD: (_GC, _DELETED, _ANY)}
_ANY_IS_TEXT = 119
_HAS_ORIGIN, _HAS_RIGHT_ORIGIN, _HAS_KEY, _KIND_BITS = 0x80, 0x40, 0x20, 0x1F
_MAX_NUMBER = 2**53 - 1
_MAX_CLOCK = 2**31 - 1
_PARENT_IS_ROOT = 1


class BadUpdate(Exception):
    """An update has not the form that our pages write; the text says why."""


def check_update(update: bytes, kind: Kind) -> None:
    """Check that an update has the form that our pages write into a document of this kind. Raises BadUpdate."""
    if not 0 < len(update) <= MAX_UPDATE:
        raise BadUpdate(f"has {len(update)} bytes, 1 to {MAX_UPDATE} are allowed")
    reader = _Reader(update)
    for _ in range(reader.count()):
        structs = reader.count()
        reader.skip_id()
        for _ in range(structs):
            _check_struct(reader, kind)
    _check_deletions(reader)
    if not reader.is_at_end:
        raise BadUpdate(f"has more bytes after its end at {reader.position}")


def _check_struct(reader: _Reader, kind: Kind) -> None:
    """Read one struct: a thing that was written, and where it belongs. Raises BadUpdate."""
    info = reader.byte()
    struct = info & _KIND_BITS
    if struct not in _STRUCTS[kind]:
        raise BadUpdate(f"has a struct of kind {struct}, which is not of {kind}")
    if struct != _GC:
        _check_place(reader, info, kind)
    if struct in (_GC, _DELETED):
        reader.number(_MAX_CLOCK)
    elif struct == _STRING:
        reader.skip_text(MAX_UPDATE)
    elif reader.number() != 1 or reader.byte() != _ANY_IS_TEXT:
        raise BadUpdate("has an element that is not one text")
    else:
        reader.skip_text(MAX_ELEMENT)


def _check_place(reader: _Reader, info: int, kind: Kind) -> None:
    """Read where something belongs: beside other things, or else under the root and a key. Raises BadUpdate."""
    neighbours = [bit for bit in (_HAS_ORIGIN, _HAS_RIGHT_ORIGIN) if info & bit]
    for _ in neighbours:
        reader.skip_id()
    if neighbours:
        return
    if reader.number() != _PARENT_IS_ROOT or reader.skip_text(MAX_KEY) != kind.value.encode():
        raise BadUpdate(f"writes beside the root {kind.value!r}")
    if info & _HAS_KEY:
        reader.skip_text(MAX_KEY)


def _check_deletions(reader: _Reader) -> None:
    """Read what an update deletes: for each client ranges of what it has written. Raises BadUpdate."""
    for _ in range(reader.count()):
        reader.number()
        for _ in range(reader.count()):
            reader.number(_MAX_CLOCK)
            reader.number(_MAX_CLOCK)


class _Reader:
    """A reader takes numbers and texts out of bytes; each method raises BadUpdate where there is none."""

    def __init__(self, data: bytes) -> None:
        """Begin with the first byte."""
        self._data = data
        self.position = 0

    @property
    def is_at_end(self) -> bool:
        """Return whether all bytes were read."""
        return self.position == len(self._data)

    def byte(self) -> int:
        """Read one byte."""
        if self.is_at_end:
            raise BadUpdate("is cut off")
        self.position += 1
        return self._data[self.position - 1]

    def number(self, most: int = _MAX_NUMBER) -> int:
        """Read a number: seven bits a byte, the lowest first, with bit 8 set in all bytes but the last."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if value > most or shift > 56:
                raise BadUpdate(f"has a number above {most} at {self.position}")
            if byte < 0x80:
                return value
            shift += 7

    def count(self) -> int:
        """Read how many things follow, each of which has at least one byte."""
        count = self.number()
        if count > len(self._data) - self.position:
            raise BadUpdate(f"announces {count} parts at {self.position}, and is shorter")
        return count

    def skip_id(self) -> None:
        """Read the id of something in the document: who has written it, and as which thing."""
        self.number()
        self.number(_MAX_CLOCK)

    def skip_text(self, most: int) -> bytes:
        """Read a text of at most so many bytes, and return it as UTF-8."""
        length = self.number()
        text = self._data[self.position : self.position + length]
        if length > most or len(text) < length:
            raise BadUpdate(f"has a text of {length} bytes at {self.position}")
        self.position += length
        return text
