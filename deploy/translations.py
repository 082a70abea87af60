"""`make translations` collects the texts of all pages into the catalogue for translators, and compiles it.

It needs gettext's tools (Debian: gettext). The compiled catalogue is in the repository, so running the platform needs
none. To translate a text, write it into `locale/zh_Hans/LC_MESSAGES/django.po` and run the command again; a test lists
texts without translation.
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
    "social",
)
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
_TRANSLATING_FUNCTIONS = {"_", "gettext", "gettext_lazy", "gettext_noop"}
_PLURAL_FUNCTIONS = {"ngettext", "ngettext_lazy"}
_IN_TEMPLATE = re.compile(r"""\b(?:gettext|_)\(u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\)""")
Message = tuple[str, str]
"""A text in English, and its plural or ""."""


def messages() -> set[Message]:
    """Return all texts that pages show to people, in English, each with its plural or ""."""
    texts = {
        message for path in _app_files("*.py") for message in _texts_in_python(path) if message[0]
    }
    texts |= {
        message
        for path in _app_files("templates/**/*.html")
        for message in _texts_in_template(path)
    }
    return texts | set(_names_of_models())


def _app_files(pattern: str) -> Iterator[Path]:
    """Yield the files of all apps that match a pattern, without migrations."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob(pattern)):
            if "migrations" not in path.parts:
                yield path


# ---- texts in the sources -----------------------------------------------------------------------


def _texts_in_python(path: Path) -> Iterator[Message]:
    """Yield the texts of a Python file: arguments of gettext's functions, and refusals by the domain tree's rules."""
    tree = ast.parse(path.read_text())
    has_refusals = path.name == "tree.py" or any(map(_imports_refusal, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _texts_in_call(node, has_refusals)
        elif has_refusals and isinstance(node, ast.Assign):
            text = _string_literal(node.value) if _may_hold_text(node.targets[0]) else ""
            yield text if " " in text else "", ""


def _imports_refusal(node: ast.stmt) -> bool:
    """Return whether a statement imports `Refusal` from `domains.rules.tree`; the API's one is not translated."""
    imported = (
        node.names
        if isinstance(node, ast.ImportFrom) and node.module == "domains.rules.tree"
        else ()
    )
    return any(alias.name == "Refusal" for alias in imported)


def _texts_in_call(node: ast.Call, has_refusals: bool) -> Iterator[Message]:
    """Yield the text and plural in a Python call that is to be translated: of gettext, or, if wanted, of `Refusal`."""
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    texts = [_string_literal(argument) for argument in node.args]
    if name in _TRANSLATING_FUNCTIONS and texts and texts[0]:
        yield texts[0], ""
    elif name in _PLURAL_FUNCTIONS and len(texts) > 1:
        yield texts[0], texts[1]
    elif has_refusals and name == "Refusal" and len(texts) > 1 and texts[1]:
        yield texts[1], ""


def _may_hold_text(target: ast.expr) -> bool:
    """Return whether a variable may hold a text to be translated: it is called `text`, or is a constant."""
    return isinstance(target, ast.Name) and (target.id == "text" or target.id.isupper())


def _string_literal(node: ast.expr) -> str:
    """Return the value of a string literal; "" for any other expression."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _texts_in_template(path: Path) -> Iterator[Message]:
    """Yield the texts to be translated in a Django template, each with the plural ""."""
    from django.utils.translation.template import templatize

    for literal in _IN_TEMPLATE.findall(templatize(path.read_text())):
        yield ast.literal_eval(literal), ""


def _names_of_models() -> Iterator[Message]:
    """Yield the names of models that have a page, or are followed by the audit trail, and of their fields."""
    from auditlog.registry import auditlog
    from django.contrib import admin
    from django.utils import translation

    admin.autodiscover()
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
    return head + "".join(_catalogue_entry(*message) for message in sorted(messages()))


def _catalogue_entry(text: str, plural: str) -> str:
    """Return the entry of a text, without translation, in gettext's format."""
    lines = [f"\nmsgid {_quoted(text)}"]
    if plural:
        return "\n".join([*lines, f"msgid_plural {_quoted(plural)}", 'msgstr[0] ""', ""])
    return "\n".join([*lines, 'msgstr ""', ""])


def _quoted(text: str) -> str:
    """Return a text in quotes, escaped as gettext's format requires."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _run_tool(*command: str) -> None:
    """Run one of gettext's tools; exit with a message if it is not installed or fails."""
    try:
        subprocess.run(command, check=True)
    except FileNotFoundError:
        sys.exit("translations: not found: gettext's tools; install them (Debian: gettext)")
    except subprocess.CalledProcessError as error:
        sys.exit(f"translations: {command[0]} refused {CATALOGUE}: {error}")


def main() -> None:
    """Add new texts to the catalogue, drop those that no source has any more, and compile it."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confplatform.settings")
    os.environ.setdefault("SECRET_KEY", "translations")
    django.setup()
    po, compiled = str(CATALOGUE), str(CATALOGUE.with_suffix(".mo"))
    with tempfile.NamedTemporaryFile("w", suffix=".pot") as pot:
        pot.write(template())
        pot.flush()
        _run_tool(
            "msgmerge", "-q", "--update", "--backup=none", "--no-fuzzy-matching", po, pot.name
        )
    _run_tool("msgattrib", "--no-obsolete", "--sort-output", "--no-wrap", "-o", po, po)
    _run_tool("msgfmt", "--check-format", "--check-header", "-o", compiled, po)


if __name__ == "__main__":
    main()
