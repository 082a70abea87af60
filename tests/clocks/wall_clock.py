"""The wall clock of a process under test, set at will."""

from __future__ import annotations

import mmap
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("wall_clock.c")


class WallClock:
    """The processes that are started with `environment` share one wall clock."""

    def __init__(self, directory: Path) -> None:
        library, path = directory / "wall_clock.so", directory / "wall_clock"
        compiled = ["gcc", "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE)]
        subprocess.run(compiled, check=True)
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._seconds = mmap.mmap(file.fileno(), 8)
        self.environment = {"LD_PRELOAD": str(library), "WALL_CLOCK": str(path)}

    def set_by(self, seconds: int) -> None:
        """Let it differ from the true time by so many seconds."""
        self._seconds[:8] = struct.pack("=q", seconds)
