"""A sealed file is one part of a backup: a stream of bytes, compressed as gzip and encrypted by the program `age`.

A part is never held in memory as a whole, and never written unencrypted.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from foundation.backup.errors import BackupError

CHUNK_BYTES = 1024 * 1024
GZIP = 16 + zlib.MAX_WBITS
"""The form of compression, as `zlib` numbers it."""
FASTEST = 1
SUFFIX = ".gz.age"
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class SealedSize:
    """Represent the size of a sealed (compressed and encrypted) file.

    It has the bytes before sealing, the bytes on disk, and the SHA-256 of the latter in hexadecimal digits.
    """

    plain_bytes: int
    bytes: int
    sha256: str


def find_program(name: str, package: str) -> str:
    """Return the path of a program. Raises BackupError, which names its Debian package, if it is not installed."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if path is None:
        raise BackupError(f"{name} is not installed: apt-get install {package}")
    return path


def seal(chunks: Iterable[bytes], path: Path, recipients: Path) -> SealedSize:
    """Compress and encrypt a stream of bytes into a new file that its owner alone may read; return its size.

    The file is on disk then. `recipients` is a file with the public keys of those who may decrypt it. Raises
    BackupError, also if the stream does.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    argv = [find_program("age", "age"), "--encrypt", "--recipients-file", str(recipients)]
    plain_bytes = 0

    def compressed() -> Iterator[bytes]:
        """Yield the stream compressed as gzip, and count its bytes before that."""
        nonlocal plain_bytes
        compressor = zlib.compressobj(FASTEST, wbits=GZIP)
        for chunk in chunks:
            plain_bytes += len(chunk)
            yield compressor.compress(chunk)
        yield compressor.flush()

    with open(descriptor, "wb") as output:
        _feed(argv, compressed(), output, "; see BACKUP_RECIPIENTS_FILE")
        os.fsync(output.fileno())
    return SealedSize(plain_bytes, path.stat().st_size, checksum(path))


def open_sealed(path: Path, identity: Path) -> Iterator[bytes]:
    """Yield the decrypted and uncompressed bytes of a sealed file.

    Raises BackupError for a wrong key or a damaged file. `identity` is the file with the private key. What was
    yielded before an error is genuine, but not the whole.
    """
    argv = [find_program("age", "age"), "--decrypt", "--identity", str(identity), str(path)]
    decompressor = zlib.decompressobj(wbits=GZIP)
    try:
        for block in _read(argv, (0,), partial(_explain, path, identity)):
            if chunk := decompressor.decompress(block):
                yield chunk
    except zlib.error as error:
        raise BackupError(f"{path.name} is damaged ({error}): take another backup") from None
    if not decompressor.eof:
        raise BackupError(f"{path.name} ends too early: it is damaged, take another backup")


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_program(argv: Sequence[str], accepted: Sequence[int] = (0,)) -> Iterator[bytes]:
    """Run a program, and yield what it prints. Raises BackupError if its exit code is not among the `accepted` ones."""
    name = Path(argv[0]).name
    return _read(argv, accepted, lambda complaint: f"{name}: {_first_line(complaint)}")


def _read(
    argv: Sequence[str], accepted: Sequence[int], explain: Callable[[str], str]
) -> Iterator[bytes]:
    """Run a program, and yield what it prints; raise BackupError if its exit code is not among the `accepted` ones.

    `explain` makes the text of the error from what the program has printed to standard error. That goes to a file: a
    pipe that nobody empties would stop the program.
    """
    with TemporaryFile() as complaints:
        program = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=complaints)  # noqa: S603
        assert program.stdout is not None
        try:
            while chunk := program.stdout.read(CHUNK_BYTES):
                yield chunk
            if program.wait() not in accepted:
                raise BackupError(explain(_text_of(complaints)))
        finally:
            _end(program)


def feed_program(argv: Sequence[str], chunks: Iterable[bytes]) -> bytes:
    """Run a program with a stream as its input; return what it has printed. Raises BackupError if it fails."""
    with TemporaryFile() as printed:
        _feed(argv, chunks, printed)
        printed.seek(0)
        return printed.read()


def _feed(argv: Sequence[str], chunks: Iterable[bytes], output: IO[bytes], hint: str = "") -> None:
    """Run a program with a stream as its input; its output goes to a file.

    Raises BackupError if it fails, with `hint` at the end of the text.
    """
    with TemporaryFile() as complaints:
        program = subprocess.Popen(  # noqa: S603
            argv, stdin=subprocess.PIPE, stdout=output, stderr=complaints
        )
        assert program.stdin is not None
        try:
            with suppress(BrokenPipeError):  # The program has ended; its exit code says so.
                for chunk in chunks:
                    program.stdin.write(chunk)
                program.stdin.close()
            if program.wait():
                complaint = _first_line(_text_of(complaints))
                raise BackupError(f"{Path(argv[0]).name}: {complaint}{hint}")
        finally:
            _end(program)


def _end(program: subprocess.Popen[bytes]) -> None:
    """End a program that may still run, and close our side of its pipes."""
    program.kill()
    program.wait()
    for pipe in (program.stdin, program.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()


def _text_of(file: IO[bytes]) -> str:
    """Return all that was written to a file, as text."""
    file.seek(0)
    return file.read().decode(errors="replace")


def _first_line(complaint: str) -> str:
    """Return the first line of an error that a program has printed, at most 300 characters.

    A sentence if it is empty.
    """
    return (complaint.strip().splitlines() or ["it failed without a word"])[0][:300]


def _explain(path: Path, identity: Path, complaint: str) -> str:
    """Return a sentence that says why the program `age` could not decrypt a file.

    `complaint` is what it has printed to standard error. The causes that operators can mend have sentences of their
    own.
    """
    if "no identity matched" in complaint:
        return (
            f"{identity} is not the key of this backup: use the identity whose public key was in"
            " BACKUP_RECIPIENTS_FILE when it was made"
        )
    if "failed to decrypt and authenticate" in complaint or "unexpected EOF" in complaint:
        return f"{path.name} is damaged: take another backup (manage.py backup --list)"
    return f"{path.name}: {_first_line(complaint)}"
