"""Keys, issue, import, show: the commands as an operator types them."""

from __future__ import annotations

import io
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from licensing.data.queries import state_of

pytestmark = pytest.mark.xdist_group("licensing")


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue().strip()


def test_from_new_keys_to_a_licence_in_force(east: str, tmp_path: Path, settings: Any) -> None:
    out = tmp_path / "keys" / "core"
    run("license_keygen", "--out", str(out))
    files = {f.name.split(".")[1]: f for f in (tmp_path / "keys").iterdir()}
    assert set(files) == {"signing", "public", "sealing"}
    assert {stat.S_IMODE(f.stat().st_mode) for f in files.values()} == {0o600}
    settings.LICENSE_PUBLIC_KEY = files["public"].read_text()
    settings.LICENSE_SEALING_KEY = files["sealing"].read_text()
    options = ["--key", str(files["signing"]), "--platform", east, "--issue", "1"]
    options += ["--small", "50", "--large", "5", "--software", "7", "--hardware", "6"]
    options += ["--monitors", "4", "--media-ports", "3", "--access-ports", "2"]
    options += ["--from", "2026-01-01", "--to", "2099-01-01"]
    licence = tmp_path / "licence"
    licence.write_text(run("license_issue", *options))
    output = run("license_show", str(licence))
    assert "issue 1" in output
    assert "50 small conferences" in output
    assert run("license_import", str(licence)).startswith("loaded")
    assert run("license_show").startswith("valid: issue 1")
    licence_in_force = state_of().licence
    assert licence_in_force is not None
    assert (licence_in_force.amounts.access_ports, licence_in_force.amounts.software_terminals) == (
        2,
        7,
    )


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    run("license_keygen", "--out", str(tmp_path / "core"))
    with pytest.raises(CommandError, match="there already"):
        run("license_keygen", "--out", str(tmp_path / "core"))


def test_the_signing_key_is_no_setting(settings: Any) -> None:
    assert not [name for name in dir(settings) if "SIGNING_KEY" in name]


def test_odd_options_are_refused_with_words(tmp_path: Path) -> None:
    run("license_keygen", "--out", str(tmp_path / "core"))
    key, sealing = (str(tmp_path / f"core.{kind}.key") for kind in ("signing", "sealing"))
    base = ["license_issue", "--key", key, "--sealing-key", sealing, "--platform", "x"]
    for words, options in {
        "issue": ["--issue", "0"],
        "later than its beginning": ["--issue", "1", "--from", "2026-01-02", "--to", "2026-01-01"],
        "is not a date": ["--issue", "1", "--to", "soon"],
        "small_conferences": ["--issue", "1", "--small", "-1"],
    }.items():
        with pytest.raises(CommandError, match=words):
            run(*base, *options)
    with pytest.raises(CommandError, match="--key is not a key"):
        run(*base[:2], "/dev/null", *base[3:], "--issue", "1")
