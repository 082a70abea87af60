"""Run commands of manage.py one after the other in one process: the start of Django costs more than they do.

Each argument is one command with its words, as a JSON list.
"""

import json
import sys

import django
from django.core.management import call_command


def main(commands: list[str]) -> None:
    """Run the commands; the first that fails ends all."""
    django.setup()
    for command in commands:
        call_command(*json.loads(command))


if __name__ == "__main__":
    main(sys.argv[1:])
