"""The state file keeps conferences, highest incarnations and connections over a restart of the unit."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path

import orjson

from media_unit.conference_copy import HostedConference

log = logging.getLogger("conferences.media.unit")

_TABLES = """
CREATE TABLE IF NOT EXISTS held (e164 TEXT PRIMARY KEY, janus TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS highest (e164 TEXT PRIMARY KEY, incarnation INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS link
    (handle INTEGER PRIMARY KEY, plugin TEXT NOT NULL, room TEXT NOT NULL, person TEXT NOT NULL);
"""


class StateFile:
    """A state file is a small SQLite database in the unit's directory. Each call is one transaction.

    It serves the unit's own restarts only: one that is damaged is put aside, and the unit starts empty.
    """

    def __init__(self, directory: Path) -> None:
        """Open the file in the unit's directory; if it is damaged, rename it and begin an empty one."""
        path = directory / "unit.sqlite3"
        try:
            self._db = _open(path)
        except (sqlite3.DatabaseError, OSError) as error:
            for part in (
                path,
                path.with_name("unit.sqlite3-wal"),
                path.with_name("unit.sqlite3-shm"),
            ):
                if part.exists():
                    put_aside(part, str(error))
            self._db = _open(path)

    def close(self) -> None:
        """Close the database file."""
        self._db.close()

    def conferences(self, janus: str) -> list[HostedConference]:
        """Return the stored conferences of the Janus process with this name; delete those of earlier processes.

        One that cannot be read is logged and deleted.
        """
        self._db.execute("DELETE FROM held WHERE janus<>?", [janus])
        rows = self._db.execute("SELECT e164, body FROM held").fetchall()
        conferences = []
        for e164, body in rows:
            try:
                conferences.append(HostedConference.from_stored(orjson.loads(body)))
            except (ValueError, TypeError, KeyError) as error:
                log.error("what is kept of %s cannot be read, and is forgotten: %s", e164, error)
                self.delete_conference(e164)
        return conferences

    def save(self, janus: str, conference: HostedConference) -> None:
        """Store a conference in place of its former state. `janus` names the Janus process that has its rooms."""
        body = orjson.dumps(conference.to_stored())
        self._db.execute(
            "INSERT OR REPLACE INTO held VALUES (?,?,?)", [conference.e164, janus, body]
        )

    def delete_conference(self, e164: str) -> None:
        """Delete the stored conference with this number, if there is one."""
        self._db.execute("DELETE FROM held WHERE e164=?", [e164])

    def highest_incarnation(self, e164: str) -> int:
        """Return the highest incarnation of a conference number that the unit ever received; 0 means none.

        The platform counts the incarnation up each time it places the conference on a unit.
        """
        row = self._db.execute("SELECT incarnation FROM highest WHERE e164=?", [e164]).fetchone()
        return int(row[0]) if row else 0

    def store_incarnation(self, e164: str, incarnation: int) -> None:
        """Store the incarnation of a conference number that a request has named, unless a higher one is stored."""
        self._db.execute(
            "INSERT INTO highest VALUES (?,?) ON CONFLICT (e164)"
            " DO UPDATE SET incarnation=max(incarnation, excluded.incarnation)",
            [e164, min(incarnation, 2**62)],
        )

    # ---- which connection of Janus is whose ---------------------------------------------------

    def links(self) -> dict[int, tuple[str, str, str]]:
        """Return all stored connections: Janus handle -> plugin, Janus room, participant id."""
        rows = self._db.execute("SELECT handle, plugin, room, person FROM link").fetchall()
        return {handle: (plugin, janus_room, person) for handle, plugin, janus_room, person in rows}

    def add_link(self, handle: int, plugin: str, janus_room: str, person: str) -> None:
        """Store a participant's connection: the Janus handle, its plugin and Janus room, and the participant id."""
        row = [handle, plugin, janus_room, person]
        self._db.execute("INSERT OR REPLACE INTO link VALUES (?,?,?,?)", row)

    def delete_link(self, handle: int) -> None:
        """Delete the stored connection with this Janus handle."""
        self._db.execute("DELETE FROM link WHERE handle=?", [handle])

    def delete_all_links(self) -> None:
        """Delete all stored connections, since their Janus is gone."""
        self._db.execute("DELETE FROM link")


def _open(path: Path) -> sqlite3.Connection:
    """Open the agent's state file (SQLite), or create it, and return the connection.

    Raises DatabaseError if damaged.
    """
    path.touch()
    path.chmod(0o600)  # passwords of conferences are in it
    db = sqlite3.connect(path, isolation_level=None)
    try:
        if (verdict := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(verdict)
        db.execute("PRAGMA journal_mode=WAL")
        # A crash of the process loses nothing so. After one of the machine no conference runs in Janus any more.
        db.execute("PRAGMA synchronous=NORMAL")
        db.executescript(_TABLES)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def put_aside(path: Path, why: str) -> None:
    """Rename a damaged file, so that the unit starts without it and somebody can look at it."""
    aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    path.replace(aside)
    log.error("%s is damaged (%s): put aside as %s; begun anew", path, why, aside.name)
