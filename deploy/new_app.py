"""`make new-app NAME=moods` creates the folders of a Django app, and adds it to all lists that name every app."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

EDITS = (
    # The project, the library and the tools name each app once. The new app stands above `im`, below `social`.
    ("confplatform/settings.py", r'^    "im",$', '    "im",\n    "{name}",'),
    ("confplatform/settings.py", r'"im", "social"', '"im", "{name}", "social"'),
    ("confplatform/settings.py", r'^    "im/pages",$', '    "im/pages",\n    "{name}/pages",'),
    ("confplatform/declarations.py", r'^    "im",$', '    "im",\n    "{name}",'),
    (".importlinter", r"^    im$(?=[\s\S]*contract:im-beside)", "    {name}\n    im"),
    (".importlinter", r"^    im\.rules$", "    im.rules\n    {name}.rules"),
    ("pyproject.toml", r'"im", ', '"im", "{name}", '),
    ("deploy/translations.py", r'^    "im",$', '    "im",\n    "{name}",'),
    ("tests/architecture/test_tidy.py", r'^    "im",$', '    "im",\n    "{name}",'),
    ("tests/unit/test_configuration.py", r'^    "im",$', '    "im",\n    "{name}",'),
)
"""Each edit is a file, the regular expression of a line or words in it, and the text that replaces each match."""

APPS = '''"""The app `{name}`, and what it gives to the project."""

from __future__ import annotations

from foundation.bus.app_config import PlatformAppConfig


class {title}Config(PlatformAppConfig):
    """The app is new: say here in one sentence what it is for."""

    name = "{name}"
'''

FILES = {
    "__init__.py": "",
    "apps.py": APPS,
    "models.py": '"""The tables of the app `{name}`."""\n',
    "migrations/__init__.py": "",
    "rules/__init__.py": '"""Rules of the app `{name}`: pure functions and values."""\n',
    "data/__init__.py": '"""Data of the app `{name}`: rows, queries, units of work."""\n',
    "flows/__init__.py": '"""Flows of the app `{name}`: load, decide, commit."""\n',
    "api/__init__.py": '"""The HTTP API of the app `{name}`."""\n',
    "management/__init__.py": "",
    "management/commands/__init__.py": "",
    "pages/__init__.py": '"""The pages of the app `{name}`."""\n',
}


def main(name: str) -> int:
    """Create the files of a new Django app, and add it to the lists of apps; return the exit code.

    It is 1, with a printed reason, if the name is not possible or a list was not found.
    """
    folder = ROOT / name
    if not re.fullmatch(r"[a-z][a-z_]{1,30}", name):
        print(f"NAME={name!r}: use lower-case letters and underscores")
        return 1
    if folder.exists():
        print(f"{name}/ exists already")
        return 1
    for file, text in FILES.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(name=name, title=name.title().replace("_", "")))
        print(f"created {name}/{file}")
    code = max([_add_to_list(*edit, name) for edit in EDITS])
    python_files = sorted({file for file, *_ in EDITS if file.endswith(".py")})
    subprocess.run(
        [sys.executable, "-m", "ruff", "format", "-q", *python_files], cwd=ROOT, check=False
    )
    return code


def _add_to_list(file: str, pattern: str, replacement: str, name: str) -> int:
    """Add the app to the list in a file that the regular expression `pattern` finds; return 1 if it finds none."""
    path = ROOT / file
    text, count = re.subn(
        pattern, lambda _: replacement.format(name=name), path.read_text(), flags=re.MULTILINE
    )
    if not count:
        print(f"{file}: no line fits {pattern!r}; add {name} by hand beside `im`")
        return 1
    path.write_text(text)
    print(f"added to {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
