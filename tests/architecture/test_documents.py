"""Documents lead somewhere: references are explained, and paths that documents name exist."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES_PAGE = ROOT / "docs" / "sources.md"
TEXTS = ("*.py", "*.md", "*.sh", "*.toml", "*.lua", "*.html", "*.js", ".importlinter")

LONGEST_LINE = 160
"""Characters of a line outside of tables, code and links; 120 is what people should write."""

_REFERENCE = re.compile(r"\b(CSS|ARCH|IM|CONV|HTTP API) (§[\d.]*\d(?:(?:, | and | to )§[\d.]*\d)*)")
_CHAPTER = re.compile(r"§([\d.]*\d)")
_NAME_IN_FILE = re.compile(r"`(\w+)(?:\(\))?`\s+(?:of|in)\s+`([\w/]+\.\w+)`")
_PATH = re.compile(r"`([\w.-]+/[\w./@-]*)`")


@cache
def tracked(*patterns: str) -> list[Path]:
    """Return the files of the repository that fit one of the patterns."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in sorted(names.split("\0")) if name and (ROOT / name).is_file()]


def references(text: str) -> set[str]:
    """Return the chapters that a text refers to, as `CSS §2.3`."""
    return {
        f"{source} §{chapter}"
        for source, chapters in _REFERENCE.findall(text)
        for chapter in _CHAPTER.findall(chapters)
    }


def test_every_reference_to_a_source_is_explained() -> None:
    rows = [row for row in SOURCES_PAGE.read_text().splitlines() if row.startswith("|")]
    explained = {row.split("|")[1].strip() for row in rows}
    missing = {
        reference: path.relative_to(ROOT).as_posix()
        for path in tracked(*TEXTS)
        for reference in references(path.read_text()) - explained
    }
    assert missing == {}, "add a row for each of these chapters to docs/sources.md"


def test_paths_that_documents_name_exist() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in tracked("*/*")} - {"docs"}
    missing = sorted(
        f"{page.relative_to(ROOT)}: {name}"
        for page in tracked("*.md")
        for name in _PATH.findall(page.read_text())
        if name.split("/")[0] in folders and not (ROOT / name).exists()
    )
    assert missing == [], "correct these paths: the file was moved or renamed"


def test_names_that_documents_give_with_a_file_are_in_it() -> None:
    missing = sorted(
        f"{page.relative_to(ROOT)}: {name} of {file}"
        for page in tracked("*.md")
        for name, file in _NAME_IN_FILE.findall(page.read_text())
        if (ROOT / file).is_file() and not re.search(rf"\b{name}\b", (ROOT / file).read_text())
    )
    assert missing == [], "correct these names: they were changed"


def test_decisions_carry_date_and_status_and_are_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    for record in sorted(folder.glob("0*.md")):
        head = record.read_text()[:600]
        assert re.search(r"^- Date: \d{4}-\d\d-\d\d", head, re.M), f"{record.name}: no date"
        status = re.search(r"^- Status: (accepted|superseded by \[\d{4}\])", head, re.M)
        assert status, f"{record.name}: the status is neither accepted nor superseded by a record"
        assert f"]({record.name})" in index, f"{record.name}: add a row to docs/decisions/README.md"


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in tracked("*.md")
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_lines_of_documents_are_short() -> None:
    generated = {ROOT / "docs" / "messages.md", ROOT / "docs" / "rights.md"}
    long = [
        f"{page.relative_to(ROOT)}:{number}"
        for page in tracked("*.md")
        if page not in generated
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if len(line) > LONGEST_LINE and not line.startswith(("|", "    ", "!["))
    ]
    assert long == [], "one sentence a line; split these"
