"""Check a platform with `python -m im.conformance --api URL --user … --password … --peer …`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator

from im.conformance.checks import CHECKS, Pair
from im.conformance.connections import CONNECTIONS
from im.conformance.person import Person


def main(arguments: list[str]) -> int:
    """Check the chat of a site over each protocol, and print one line for each check.

    Return the exit code: 1 if a check failed.
    """
    options = _parse_options(arguments)
    ann = Person(options.api, options.user, options.password)
    ben = Person(options.api, options.peer, options.peer_password)
    failed = 0
    for protocol in options.only or CONNECTIONS:
        for name, failure, seconds in run_checks(protocol, ann, ben):
            failed += bool(failure)
            print(f"{protocol:10} {name:10} {failure or 'ok':40} {seconds:6.2f} s", flush=True)
    return 1 if failed else 0


def run_checks(protocol: str, ann: Person, ben: Person) -> Iterator[tuple[str, str, float]]:
    """Run all checks over one protocol between the two people `ann` and `ben`; yield the result of each.

    A result is the check's name, what is wrong ("" means nothing), and the duration in seconds.
    """
    pair = Pair.connect(protocol, ann, ben)
    try:
        for check in CHECKS:
            began = time.monotonic()
            yield check.__name__, _failure_of(check, pair), time.monotonic() - began
    finally:
        pair.disconnect()


def _failure_of(check: Callable[[Pair], None], pair: Pair) -> str:
    """Run a check and return what is wrong; "" means nothing."""
    try:
        check(pair)
    except (AssertionError, TimeoutError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _parse_options(arguments: list[str]) -> argparse.Namespace:
    """Return the options that the words of the command line give; wrong ones end the program with a message."""
    parser = argparse.ArgumentParser(prog="python -m im.conformance", description=__doc__)
    for name in ("api", "user", "password", "peer", "peer-password"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--only", action="append", choices=list(CONNECTIONS))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
