"""A file of the unit's that is damaged does not keep the unit from starting."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from media_unit.child_user import ChildUser
from media_unit.janus_config import load_secrets
from media_unit.kept_process import KeptProcess
from media_unit.state_file import StateFile

GARBAGE = [
    b"",
    b"{",
    b"[]",
    b'{"api": 1}',
    bytes(range(256)) * 20,
    b"SQLite format 3\0" + b"x" * 5000,
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_damaged_state_file_is_put_aside(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "unit.sqlite3").write_bytes(garbage)
    state = StateFile(tmp_path)
    assert state.conferences("janus") == []
    state.store_incarnation("1", 3)
    state.close()
    assert StateFile(tmp_path).highest_incarnation("1") == 3
    aside = [path.read_bytes() for path in tmp_path.glob("unit.sqlite3.damaged-*")]
    assert aside in ([garbage], [] if len(garbage) < 100 else [garbage])  # or SQLite calls it empty


def test_one_row_that_cannot_be_read_costs_that_row_alone(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    state._db.execute("INSERT INTO held VALUES ('1', 'janus', '{}')")
    assert state.conferences("janus") == []
    assert state._db.execute("SELECT count(*) FROM held").fetchone() == (0,)


@pytest.mark.parametrize("garbage", GARBAGE)
def test_damaged_secrets_are_put_aside_and_made_anew(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "secrets.json").write_bytes(garbage)
    keys = load_secrets(tmp_path)
    assert all(len(secret) == 48 for secret in asdict(keys).values())
    assert load_secrets(tmp_path) == keys
    assert len(list(tmp_path.glob("secrets.json.damaged-*"))) == 1


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_a_damaged_note_of_a_process_means_that_there_is_none(
    tmp_path: Path, garbage: bytes
) -> None:
    (tmp_path / "janus.json").write_bytes(garbage)
    assert not await KeptProcess(tmp_path, "janus", "http://127.0.0.1:1/", ChildUser()).adopt()
