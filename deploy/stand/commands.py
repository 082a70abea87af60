"""The program runs commands of manage.py one after the other in one process, since starting Django takes longest.

Each argument is one command with its arguments, as a JSON list.
"""

import json
import sys

import django
from django.core.management import call_command


def main(commands: list[str]) -> None:
    """Run commands of manage.py, each a JSON list of words, one after the other; an error ends the program."""
    django.setup()
    for command in commands:
        call_command(*json.loads(command))


if __name__ == "__main__":
    main(sys.argv[1:])
