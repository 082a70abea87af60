"""The generators of clients: each makes a client from the OpenAPI document in a folder, and compiles it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
PACKAGE = "conference_platform_client"
NPM_FILES = ("package.json", "package-lock.json", "tsconfig.json")


class ClientError(Exception):
    """A generator, a compiler or a generated client failed."""


def run(*words: str | Path, folder: Path, **env: str) -> str:
    """Run a program in a folder, and return what it prints. Raises ClientError."""
    command = [str(word) for word in words]
    result = subprocess.run(
        command, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    if result.returncode:
        shown = (result.stdout + result.stderr)[-4000:]
        raise ClientError(f"{' '.join(command[:3])}: exit code {result.returncode}\n{shown}")
    return result.stdout + result.stderr


def python_client(document: Path, folder: Path) -> str:
    """Generate the Python client beside the program that uses it, and compile both. Return the generator's warnings."""
    generator = Path(sys.executable).with_name("openapi-python-client")
    options = ("--meta", "none", "--output-path", PACKAGE, "--overwrite")
    (folder / "generator.yml").write_text(
        f"package_name_override: {PACKAGE}\npost_hooks: []\nliteral_enums: true\n"
    )
    said = run(
        generator, "generate", "--path", document, *options, "--config", "generator.yml",
        folder=folder,
    )  # fmt: skip
    shutil.copy(PROGRAMS / "conference.py", folder)
    run(sys.executable, "-m", "compileall", "-q", ".", folder=folder)
    return said


def run_python(folder: Path, url: str, token: str) -> str:
    """Hold a conference by the Python client."""
    return run(sys.executable, "conference.py", folder=folder, API_URL=url, API_TOKEN=token)


def typescript_client(document: Path, folder: Path) -> None:
    """Generate the TypeScript client beside the program that uses it, and compile both."""
    for name in NPM_FILES:
        shutil.copy(HERE / name, folder)
    shutil.copy(PROGRAMS / "conference.ts", folder)
    run("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline", folder=folder)
    made = ("--output", "api.d.ts", "--default-non-nullable=false")
    run("node_modules/.bin/openapi-typescript", document, *made, folder=folder)
    run("node_modules/.bin/tsc", folder=folder)


def run_typescript(folder: Path, url: str, token: str) -> str:
    """Hold a conference by the TypeScript client."""
    return run("node", "built/conference.js", folder=folder, API_URL=url, API_TOKEN=token)
