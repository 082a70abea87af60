"""What a unit remembers over its own restart: conferences, highest incarnations, connections."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import orjson

from media_unit.conference_copy import Held

_TABLES = """
CREATE TABLE IF NOT EXISTS held (e164 TEXT PRIMARY KEY, janus TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS highest (e164 TEXT PRIMARY KEY, incarnation INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS link
    (handle INTEGER PRIMARY KEY, plugin TEXT NOT NULL, room TEXT NOT NULL, person TEXT NOT NULL);
"""


class Kept:
    """A small SQLite file beside the unit; each call is one transaction."""

    def __init__(self, directory: Path) -> None:
        path = directory / "unit.sqlite3"
        path.touch()
        path.chmod(0o600)  # passwords of conferences are in it
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        # A crash of the process loses nothing; one of the machine takes Janus with it anyway.
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        self._db.close()

    def conferences(self, janus: str) -> list[Held]:
        """Those that run on this Janus; those of an earlier one are forgotten with it."""
        self._db.execute("DELETE FROM held WHERE janus<>?", [janus])
        rows = self._db.execute("SELECT body FROM held").fetchall()
        return [Held.kept(orjson.loads(body)) for (body,) in rows]

    def hold(self, janus: str, held: Held) -> None:
        body = orjson.dumps(held.keep())
        self._db.execute("INSERT OR REPLACE INTO held VALUES (?,?,?)", [held.e164, janus, body])

    def drop(self, e164: str) -> None:
        self._db.execute("DELETE FROM held WHERE e164=?", [e164])

    def highest(self, e164: str) -> int:
        """The highest incarnation of a number that was ever heard of here; 0: none."""
        found = self._db.execute("SELECT incarnation FROM highest WHERE e164=?", [e164]).fetchone()
        return int(found[0]) if found else 0

    def heard_of(self, e164: str, incarnation: int) -> None:
        self._db.execute(
            "INSERT INTO highest VALUES (?,?) ON CONFLICT (e164)"
            " DO UPDATE SET incarnation=max(incarnation, excluded.incarnation)",
            [e164, min(incarnation, 2**62)],
        )

    # ---- which connection of Janus is whose ---------------------------------------------------

    def links(self) -> dict[int, tuple[str, str, str]]:
        rows = self._db.execute("SELECT handle, plugin, room, person FROM link").fetchall()
        return {handle: (plugin, room, person) for handle, plugin, room, person in rows}

    def link(self, handle: int, plugin: str, room: str, person: str) -> None:
        row = [handle, plugin, room, person]
        self._db.execute("INSERT OR REPLACE INTO link VALUES (?,?,?,?)", row)

    def unlink(self, handle: int) -> None:
        self._db.execute("DELETE FROM link WHERE handle=?", [handle])

    def unlink_all(self) -> None:
        self._db.execute("DELETE FROM link")
