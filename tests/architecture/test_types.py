"""Types say something: an exception from them has its reason, and `Any` does not spread."""

from __future__ import annotations

import re

from tests.architecture.test_tidy import PRODUCT, name_of, sources

MOST_LINES_WITH_ANY = 240
"""Lines of product code that say `Any`, imports left out. Lower it whenever there are fewer."""

_IGNORED = re.compile(r"#\s*type:\s*ignore(\[[\w, -]+\]  # \w.*)?")


def test_each_exception_from_the_type_checker_says_its_code_and_its_reason() -> None:
    bare = [
        f"{name_of(path)}:{number}: write `# type: ignore[code]  # why`"
        for path in sources(PRODUCT)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (ignored := _IGNORED.search(line)) and not ignored[1]
    ]
    assert bare == []


def test_any_does_not_spread() -> None:
    lines = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in sources(PRODUCT)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\bAny\b", line) and "import" not in line
    ]
    assert len(lines) <= MOST_LINES_WITH_ANY, "name a type instead of Any:\n" + "\n".join(lines)
