"""The description of the open API is true: for requests made from it, and for clients that are generated from it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.chaos.story import Stories
from tests.clients.generate import python_client, run_python, run_typescript, typescript_client
from tests.http.contract import Scene, check, document_of, site_for_requests


def stories(root: Path) -> Stories:
    """A site of its own, as requests at random change whatever they find."""
    with site_for_requests(root / "site") as site:
        yield "generated Python client", partial(_client, site_scene := Scene(site), root, "py")
        yield "generated TypeScript client", partial(_client, site_scene, root, "ts")
        yield "contract: a person's calls", lambda: contract(Scene(site).with_conference())
        yield "contract: an administrator's calls", lambda: contract(Scene(site, "admin"))


def _client(scene: Scene, root: Path, language: str) -> str:
    """Generate a client, compile it, and hold a conference by it."""
    folder, document = root / language, root / "openapi.json"
    folder.mkdir()
    document.write_bytes(document_of(scene.site))
    generate: Callable[[Path, Path], object] = python_client
    hold = run_python
    if language == "ts":
        generate, hold = typescript_client, run_typescript
    generate(document, folder)
    return hold(folder, scene.site.http, scene.token).strip()


def contract(scene: Scene) -> str:
    """Make some thousand requests, and check each answer in all ways that schemathesis knows."""
    result = check(scene, "--max-examples", "20")
    assert result.returncode == 0, result.stdout[-4000:]
    summary = re.search(r"Test cases:\n(.*?)\n\n", result.stdout, re.S)
    return " ".join(summary[1].split()) if summary else "0 broken"
