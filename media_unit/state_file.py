"""The state file keeps conferences, highest incarnations and connections over a restart of the unit."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import orjson

from media_unit.conference_copy import HeldConference

_TABLES = """
CREATE TABLE IF NOT EXISTS held (e164 TEXT PRIMARY KEY, janus TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS highest (e164 TEXT PRIMARY KEY, incarnation INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS link
    (handle INTEGER PRIMARY KEY, plugin TEXT NOT NULL, room TEXT NOT NULL, person TEXT NOT NULL);
"""


class StateFile:
    """A small SQLite file in the unit's directory. Each call is one transaction."""

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

    def conferences(self, janus: str) -> list[HeldConference]:
        """Return the conferences on this Janus; forget those on an earlier one."""
        self._db.execute("DELETE FROM held WHERE janus<>?", [janus])
        rows = self._db.execute("SELECT body FROM held").fetchall()
        return [HeldConference.from_stored(orjson.loads(body)) for (body,) in rows]

    def save(self, janus: str, conference: HeldConference) -> None:
        body = orjson.dumps(conference.to_stored())
        self._db.execute(
            "INSERT OR REPLACE INTO held VALUES (?,?,?)", [conference.e164, janus, body]
        )

    def drop(self, e164: str) -> None:
        self._db.execute("DELETE FROM held WHERE e164=?", [e164])

    def highest(self, e164: str) -> int:
        """Return the highest incarnation of a number that the unit ever received; 0 means none."""
        row = self._db.execute("SELECT incarnation FROM highest WHERE e164=?", [e164]).fetchone()
        return int(row[0]) if row else 0

    def note_incarnation(self, e164: str, incarnation: int) -> None:
        self._db.execute(
            "INSERT INTO highest VALUES (?,?) ON CONFLICT (e164)"
            " DO UPDATE SET incarnation=max(incarnation, excluded.incarnation)",
            [e164, min(incarnation, 2**62)],
        )

    # ---- which connection of Janus is whose ---------------------------------------------------

    def links(self) -> dict[int, tuple[str, str, str]]:
        rows = self._db.execute("SELECT handle, plugin, room, person FROM link").fetchall()
        return {handle: (plugin, janus_room, person) for handle, plugin, janus_room, person in rows}

    def link(self, handle: int, plugin: str, janus_room: str, person: str) -> None:
        row = [handle, plugin, janus_room, person]
        self._db.execute("INSERT OR REPLACE INTO link VALUES (?,?,?,?)", row)

    def unlink(self, handle: int) -> None:
        self._db.execute("DELETE FROM link WHERE handle=?", [handle])

    def unlink_all(self) -> None:
        self._db.execute("DELETE FROM link")
