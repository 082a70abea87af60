"""The module answers ejabberd (deploy/ejabberd/ask_bridge.py), over a Unix socket, whether a client may sign in.

A question is a line of JSON, `{"name", "password"}`; `name` is what stands before the `@`. The answer is `1` or `0`.
The password is that of the account, or a token for instant messages, as at the clients' broker.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth import authenticate
from django.db import Error, close_old_connections
from django.http import HttpRequest
from prometheus_client import Counter

from domains.data import homes
from domains.models import Account
from foundation import clock
from foundation.bus.management_api import BrokerUnavailable
from foundation.cells.router import request_database
from foundation.web.errors import TokenRefused
from im.api.authentication import account_of, read_valid
from im.data.locked_conversation import Denied
from im.flows import sign_in
from im.rules.xmpp import addresses

log = logging.getLogger("im.xmpp")

SIGN_INS = Counter("im_xmpp_sign_ins", "Sign-ins over XMPP, by what came of them", ["result"])
AT_ONCE = 4
"""So many passwords are checked at once: each check takes much memory on purpose."""
LONGEST_LINE = 8192
QUESTION_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person who has signed in over XMPP: the name before the `@` of the address, the user id, an access token."""

    name: str
    user: str
    token: str


class SignInServer:
    """The server on a local socket whom ejabberd asks whether somebody may sign in.

    `on_sign_in` is called with each person who may.
    """

    def __init__(self, path: Path, on_sign_in: Callable[[SignedIn], None]) -> None:
        """Prepare the server, which `start` lets listen at this path; at most AT_ONCE passwords are checked at once."""
        self._path, self._on_sign_in = path, on_sign_in
        self._checks = asyncio.Semaphore(AT_ONCE)

    async def start(self) -> asyncio.Server:
        """Listen on the socket, which only programs of the same operating system user may open."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            return await asyncio.start_unix_server(
                self._answer_questions, self._path, limit=LONGEST_LINE
            )
        finally:
            os.umask(mask)

    async def _answer_questions(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer the questions of one connection from ejabberd, one after the other: a line of JSON each."""
        try:
            while line := await reader.readline():
                writer.write(b"1\n" if await self._may_sign_in(line) else b"0\n")
                await writer.drain()
        except (OSError, ValueError) as error:
            log.warning("a question of ejabberd could not be read: %s", type(error).__name__)
        finally:
            writer.close()

    async def _may_sign_in(self, line: bytes) -> bool:
        """Return whether the person in ejabberd's question (a line of JSON) may sign in; a failure counts as no."""
        question = json.loads(line)
        name, password = str(question["name"]), str(question["password"])
        try:
            async with self._checks, asyncio.timeout(QUESTION_SECONDS):
                signed_in = await asyncio.to_thread(check_password, name, password)
        except (BrokerUnavailable, Error, TimeoutError) as error:
            SIGN_INS.labels("failed").inc()
            log.warning("nobody can sign in: %s: %s", type(error).__name__, error)
            return False
        SIGN_INS.labels("in" if signed_in else "refused").inc()
        if signed_in is not None:
            self._on_sign_in(signed_in)
        return signed_in is not None


def check_password(name: str, password: str) -> SignedIn | None:
    """Sign in the person with this name and password, and return who it is with a token for instant messages.

    `None` if they are wrong, or the person may not sign in. Such a token is accepted as the password. Raises
    BrokerUnavailable and errors of the database.
    """
    close_old_connections()
    try:
        with request_database(None):
            account = _account_of_token(name, password) or _account_of_password(name, password)
            if account is None:
                return None
            platform = homes.platform_of(account._state.db or "default")
            signed_in = sign_in.sign_in(account, platform, clock.timestamp(), way="amqp")
            return SignedIn(name, account.moid, signed_in.text)
    except Denied as error:
        log.info("%s may not sign in: %s", name, error)
        return None
    finally:
        close_old_connections()


def _account_of_token(name: str, password: str) -> Account | None:
    """Return the account of the token for instant messages that is given as password, if the name is that account's.

    Else `None`, also for a password that is no token.
    """
    if ":" not in password:
        return None
    try:
        account = account_of(read_valid(password))
    except TokenRefused:
        return None
    return account if account.moid.lower() == name.lower() else None


def _account_of_password(name: str, password: str) -> Account | None:
    """Return the account with this sign-in name and password.

    `None` if they are wrong, which counts towards its lock.
    """
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = "127.0.0.1"  # ejabberd does not say whose question it is
    username = addresses.sign_in_name(name)
    account = authenticate(request, username=username, password=password)
    return account if isinstance(account, Account) else None
