"""A real mail server on loopback that keeps what it gets, and may be away."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import icalendar
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class PostOffice:
    """The mails that a server got, in their order. `port` is free until `open` runs the server there."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.mails: list[EmailMessage] = []
        self.refusals: dict[str, str] = {}
        """The answers to addresses that are refused: address -> code and words."""
        self.sender_refusal = ""
        """The answer to all senders, if they are refused."""

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a sender."""
        envelope.mail_from = address
        return self.sender_refusal or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep a mail."""
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        assert [mail["To"]] == envelope.rcpt_tos
        self.mails.append(mail)
        return "250 taken"

    @contextmanager
    def open(self) -> Iterator[None]:
        """Run the server."""
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield
        finally:
            controller.stop()

    def to(self, address: str) -> list[EmailMessage]:
        """Return the mails to an address."""
        return [mail for mail in self.mails if mail["To"] == address]


def calendar_of(mail: EmailMessage) -> Any:
    """Return the calendar of a mail, whose part says its method, as Outlook wants it; the file is the same."""
    alternatives, file = mail.iter_parts()
    assert isinstance(alternatives, EmailMessage)
    assert alternatives.get_content_type() == "multipart/alternative"
    text, part = alternatives.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert part.get_content_type() == "text/calendar"
    calendar: Any = icalendar.Calendar.from_ical(part.get_content())
    assert part.get_param("method") == calendar["METHOD"]
    assert icalendar.Calendar.from_ical(file.get_content()) == calendar
    return calendar


def text_of(mail: EmailMessage) -> str:
    """Return the text of a mail with a calendar."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
