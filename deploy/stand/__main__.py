"""Define the commands of the stand for the Makefile: python -m deploy.stand up|down|doctor|manage|clean|check|test."""

import os
import sys

from deploy.stand.errors import StandError
from deploy.stand.inside import doctor, manage
from deploy.stand.linters import check
from deploy.stand.report import print_line
from deploy.stand.site import LIBRARY
from deploy.stand.testing import test
from deploy.stand.up import clean, down, up

COMMANDS = {"up": up, "down": down, "clean": clean, "check": check}
WITH_ARGUMENTS = {"test": test, "doctor": doctor, "manage": manage}


def main(words: list[str]) -> int:
    """Run the command of the local installation that `words` name (up, down, test ...); return the exit code.

    An expected error is printed as one line.
    """
    # Where the system has no Janus, bootstrap.sh has put one there.
    folders = [*os.get_exec_path(), str(LIBRARY / "janus/usr/bin")]
    os.environ.update(PATH=os.pathsep.join(folders))
    # A stand has a dozen Python processes, a test session a hundred: without stored bytecode each compiles all sources.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    name, *arguments = words or ["help"]
    try:
        if name in WITH_ARGUMENTS:
            return WITH_ARGUMENTS[name](arguments)
        if name in COMMANDS:
            return COMMANDS[name]()
    except StandError as error:
        print_line(f"{name}: {error}")
        return 1
    print_line(f"usage: python -m deploy.stand {'|'.join([*COMMANDS, *WITH_ARGUMENTS])}")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
