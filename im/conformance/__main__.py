"""`python -m im.conformance --api URL --user anna --password … --peer ben --peer-password …`: what works."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator

from im.conformance.checks import CHECKS, Two
from im.conformance.person import Person
from im.conformance.wires import WIRES


def main(words: list[str]) -> int:
    """Print a line for each protocol and check; 1, if something does not work."""
    given = _given(words)
    ann = Person(given.api, given.user, given.password)
    ben = Person(given.api, given.peer, given.peer_password)
    broken = 0
    for way in given.only or WIRES:
        for name, wrong, seconds in checked(way, ann, ben):
            broken += bool(wrong)
            print(f"{way:10} {name:10} {wrong or 'ok':40} {seconds:6.2f} s", flush=True)
    return 1 if broken else 0


def checked(way: str, ann: Person, ben: Person) -> Iterator[tuple[str, str, float]]:
    """By check: what is wrong ("": nothing), and how long it took."""
    two = Two.meet(way, ann, ben)
    try:
        for check in CHECKS:
            began = time.monotonic()
            yield check.__name__, _wrong(check, two), time.monotonic() - began
    finally:
        two.part()


def _wrong(check: Callable[[Two], None], two: Two) -> str:
    try:
        check(two)
    except (AssertionError, TimeoutError, OSError) as wrong:
        return f"{type(wrong).__name__}: {wrong}"
    return ""


def _given(words: list[str]) -> argparse.Namespace:
    found = argparse.ArgumentParser(prog="python -m im.conformance", description=__doc__)
    for name in ("api", "user", "password", "peer", "peer-password"):
        found.add_argument(f"--{name}", required=True)
    found.add_argument("--only", action="append", choices=list(WIRES))
    return found.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
