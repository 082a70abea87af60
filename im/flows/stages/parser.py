"""The second stage, parse: it turns the bytes of clients into requests of authenticated senders, or refusals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from foundation import clock
from im.data import revocations
from im.flows.plugins.filters import Filter
from im.flows.stages.stage import Handled
from im.rules import tokens
from im.rules.messages import BatchResult, ClientDelivery, IncomingRequest, RefusedMessage
from im.rules.parse import parse_message
from im.rules.tokens import Bearer, Token
from im.rules.vocabulary import Code


class Parser:
    """The stage of a message center that parses clients' messages and checks their tokens; it caches tokens."""

    def __init__(self, filters: Sequence[Filter] = ()) -> None:
        """Prepare the stage. `filters` are plugins, which check or change texts in this order."""
        self._filters = filters
        # Clients send the same token with each message.
        self._read_token = lru_cache(maxsize=50_000)(tokens.read)

    def process_batch(self, batch: Sequence[ClientDelivery]) -> Handled[IncomingRequest]:
        """Parse clients' messages.

        Return the requests with a valid token for the next step, and refusals for the senders. Plugins that filter
        texts may change or refuse a request.
        """
        now = clock.timestamp()
        revocations.refresh_or_warn(now)
        onward: list[IncomingRequest] = []
        outcome = BatchResult()
        for delivery in batch:
            match self._authenticated(parse_message(delivery), now):
                case IncomingRequest() as incoming:
                    onward.append(incoming)
                case refused:
                    outcome.refused.append(refused)
        for plugin in self._filters:
            checked = plugin.apply(onward)
            onward = [item for item in checked if isinstance(item, IncomingRequest)]
            outcome.refused += [item for item in checked if isinstance(item, RefusedMessage)]
        return Handled(onward, outcome)

    def _authenticated(
        self, parsed: IncomingRequest | RefusedMessage, now: float
    ) -> IncomingRequest | RefusedMessage:
        """Return a parsed request, or a refusal if its token is not valid or belongs to another person."""
        if isinstance(parsed, RefusedMessage):
            return parsed
        try:
            token: Token = self._read_token(parsed.token)
        except tokens.InvalidToken:
            return RefusedMessage(
                parsed.sender,
                Code.BAD_TOKEN,
                "this is not a token of this platform",
                parsed.client_msg_id,
            )
        # Our own programs (SERVICE) may sign in at the broker, and write no messages.
        if token.user != parsed.sender or token.bearer is Bearer.SERVICE:
            reason = "this is somebody else's token"
            return RefusedMessage(parsed.sender, Code.NOT_SENDER, reason, parsed.client_msg_id)
        if not token.is_live(now) or revocations.revoked_tokens.is_revoked(token):
            reason = "the token is expired or revoked; sign in again"
            return RefusedMessage(parsed.sender, Code.BAD_TOKEN, reason, parsed.client_msg_id)
        return parsed
