"""The page docs/open-api-calls.md is written from the table of calls: `python -m tests.http.calls_page`."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

from tests.http.calls import EFFECT, Call, calls

PAGE = Path(__file__).parents[2] / "docs" / "open-api-calls.md"
_HEAD = """# Calls of the open platform API

This page is generated from `tests/http/calls.py` by `make calls`; a test walks the table against a running site.
A call has its effect, or it is refused with the documented code, as our media units cannot do what it asks for.
Fields of arguments and answers are described at `/api/docs/` of each site.
"""


def page() -> str:
    """Return the page."""
    rows = list(calls())
    effects = sum(1 for call in rows if call.outcome == EFFECT)
    parts = [_HEAD, f"{len(rows)} calls: {effects} with effect, {len(rows) - effects} refused.\n"]
    for group, members in groupby(rows, key=lambda call: call.group):
        parts += [f"## {group}\n", "| call | arguments | outcome |\n|---|---|---|"]
        parts += [_row(call) for call in members]
        parts.append("")
    return "\n".join(parts)


def _row(call: Call) -> str:
    """Return the row of one call."""
    arguments = f"`{json.dumps(call.arguments)}`" if call.arguments else ""
    outcome = "effect" if call.outcome == EFFECT else f"refused: {call.outcome}"
    return f"| {call.method} `{call.shown_path}` | {arguments.replace('|', '/')} | {outcome} |"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE.name}: {sum(1 for _ in calls())} calls")
