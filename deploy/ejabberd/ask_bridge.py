#!/usr/bin/env python3
"""ejabberd asks this program who may sign in (`extauth_program`); it asks the bridge (im/api/xmpp/sign_in.py).

    ask_bridge.py <path of the bridge's socket>

A question of ejabberd is two bytes of length and `auth:<name>:<domain>:<password>`; an answer is two bytes of length
and a number of two bytes. Other questions, such as whether there is somebody, are answered with no.
"""

import json
import socket
import struct
import sys
from typing import BinaryIO

SECONDS = 60.0


def main() -> None:
    """Answer ejabberd's questions whether somebody may sign in, until it closes the pipe."""
    path = sys.argv[1]
    while (question := read_question(sys.stdin.buffer)) is not None:
        sys.stdout.buffer.write(struct.pack(">HH", 2, may_sign_in(path, question)))
        sys.stdout.buffer.flush()


def read_question(pipe: BinaryIO) -> str | None:
    """Return the next question of ejabberd, such as `auth:<name>:<domain>:<password>`; `None` at the pipe's end."""
    head = pipe.read(2)
    if len(head) < 2:
        return None
    return pipe.read(struct.unpack(">H", head)[0]).decode(errors="replace")


def may_sign_in(path: str, question: str) -> bool:
    """Return whether the platform lets the user named in ejabberd's question sign in with the given password.

    `path` is the unix socket of the platform's XMPP bridge, which knows the passwords. `False` also if the question is
    another one than `auth`, or if the bridge does not answer within SECONDS.
    """
    what, _, rest = question.partition(":")
    name, _, rest = rest.partition(":")
    _domain, _, password = rest.partition(":")
    if what != "auth":
        return False
    line = json.dumps({"name": name, "password": password}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(SECONDS)
            link.connect(path)
            link.sendall(line)
            return link.makefile("rb").readline() == b"1\n"
    except OSError:
        return False


if __name__ == "__main__":
    main()
