"""Generate both clients from the document of a site, and hold a conference by each: `make clients`."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench_site import in_memory
from tests.clients.generate import (
    ClientError,
    python_client,
    run_python,
    run_typescript,
    typescript_client,
)
from tests.http.contract import Scene, document_of
from tests.sites import running_site


def main() -> int:
    """Print a line for each client; return 1 if one of them failed."""
    failed = 0
    with (
        tempfile.TemporaryDirectory(prefix="clients-", dir=in_memory()) as name,
        running_site(Path(name) / "site", "simulated", 4) as site,
    ):
        scene = Scene(site)
        document = Path(name) / "openapi.json"
        document.write_bytes(document_of(site))
        for kind, generate, hold in (
            ("Python", python_client, run_python),
            ("TypeScript", typescript_client, run_typescript),
        ):
            folder = Path(name) / kind
            folder.mkdir()
            failed += not _is_usable(kind, generate, hold, document, folder, scene)
    return 1 if failed else 0


def _is_usable(
    kind: str,
    generate: Callable[[Path, Path], object],
    hold: Callable[[Path, str, str], str],
    document: Path,
    folder: Path,
    scene: Scene,
) -> bool:
    """Generate, compile and use a client; print how it went."""
    began = time.monotonic()
    try:
        generate(document, folder)
        generated = time.monotonic() - began
        said = hold(folder, scene.site.http, scene.token).strip()
    except ClientError as error:
        print(f"{kind}: {error}")
        return False
    print(f"{kind}: generated and compiled in {generated:.1f} s; {said}")
    return True


if __name__ == "__main__":
    sys.exit(main())
