"""`make translations`: what the pages say, gathered for the translators, merged, and compiled.

Needs gettext's tools (Debian: gettext). The compiled catalogue is in the repository, so that running
needs none. Say what a sentence means in `locale/zh_Hans/LC_MESSAGES/django.po`, and run it again; a
test names what is missing.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APPS = (
    "confplatform",
    "foundation",
    "domains",
    "licensing",
    "conferences",
    "failover",
    "im",
)
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
_MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop"}
_PLURALS = {"ngettext", "ngettext_lazy"}
_IN_TEMPLATE = re.compile(r"""\b(?:gettext|_)\(u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\)""")
Message = tuple[str, str]
"""What is said, and its plural or ""."""


def messages() -> set[Message]:
    """Return all texts shown to people, in English."""
    texts = {message for path in _files("*.py") for message in _in_python(path) if message[0]}
    texts |= {message for path in _files("templates/**/*.html") for message in _in_template(path)}
    return texts | set(_names_of_models())


def _files(pattern: str) -> Iterator[Path]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob(pattern)):
            if "migrations" not in path.parts:
                yield path


# ---- where it stands ----------------------------------------------------------------------------


def _in_python(path: Path) -> Iterator[Message]:
    tree = ast.parse(path.read_text())
    refuses = path.name == "tree.py" or any(map(_takes_refusals, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _called(node, refuses)
        elif refuses and isinstance(node, ast.Assign):
            text = _text(node.value) if _named(node.targets[0]) else ""
            yield text if " " in text else "", ""


def _takes_refusals(node: ast.stmt) -> bool:
    """Tell whether a module holds refusals of the tree's rules, which are translated; those of the API are not."""
    named = (
        node.names
        if isinstance(node, ast.ImportFrom) and node.module == "domains.rules.tree"
        else ()
    )
    return any(imported.name == "Refusal" for imported in named)


def _called(node: ast.Call, refuses: bool) -> Iterator[Message]:
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    texts = [_text(argument) for argument in node.args]
    if name in _MARKS and texts and texts[0]:
        yield texts[0], ""
    elif name in _PLURALS and len(texts) > 1:
        yield texts[0], texts[1]
    elif refuses and name == "Refusal" and len(texts) > 1 and texts[1]:
        yield texts[1], ""


def _named(target: ast.expr) -> bool:
    """Tell whether a name may hold the sentence of a rule: `text`, or a constant of the module."""
    return isinstance(target, ast.Name) and (target.id == "text" or target.id.isupper())


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _in_template(path: Path) -> Iterator[Message]:
    from django.utils.translation.template import templatize

    for literal in _IN_TEMPLATE.findall(templatize(path.read_text())):
        yield ast.literal_eval(literal), ""


def _names_of_models() -> Iterator[Message]:
    """Yield the names of models that have a page, or are followed by the audit trail, and of their fields."""
    from auditlog.registry import auditlog
    from django.contrib import admin
    from django.utils import translation

    with translation.override("en"):
        for model in {*admin.site._registry, *auditlog.get_models()}:
            meta = model._meta
            if meta.app_config.name.partition(".")[0] not in APPS:
                continue
            yield str(meta.verbose_name), ""
            yield str(meta.verbose_name_plural), ""
            for field in meta.concrete_fields:
                yield str(field.verbose_name), ""
                if field.help_text:
                    yield str(field.help_text), ""


# ---- the catalogue ------------------------------------------------------------------------------


def template() -> str:
    """Return the catalogue of all texts without translations, as gettext's tools want it."""
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
    return head + "".join(_entry(*message) for message in sorted(messages()))


def _entry(text: str, plural: str) -> str:
    lines = [f"\nmsgid {_quoted(text)}"]
    if plural:
        return "\n".join([*lines, f"msgid_plural {_quoted(plural)}", 'msgstr[0] ""', ""])
    return "\n".join([*lines, 'msgstr ""', ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True)
    except FileNotFoundError:
        sys.exit("translations: not found: gettext's tools; install them (Debian: gettext)")
    except subprocess.CalledProcessError as error:
        sys.exit(f"translations: {command[0]} refused {CATALOGUE}: {error}")


def main() -> None:
    """Merge what is new, drop what is gone, compile."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confplatform.settings")
    os.environ.setdefault("SECRET_KEY", "translations")
    django.setup()
    po, compiled = str(CATALOGUE), str(CATALOGUE.with_suffix(".mo"))
    with tempfile.NamedTemporaryFile("w", suffix=".pot") as pot:
        pot.write(template())
        pot.flush()
        _run("msgmerge", "-q", "--update", "--backup=none", "--no-fuzzy-matching", po, pot.name)
    _run("msgattrib", "--no-obsolete", "--sort-output", "--no-wrap", "-o", po, po)
    _run("msgfmt", "--check-format", "--check-header", "-o", compiled, po)


if __name__ == "__main__":
    main()
