"""The functions here let a POST with the header `Idempotency-Key` have its effect once, also if a client repeats it.

The answer of the first request is kept in Redis for 24 hours, and given to its repetitions. Without Redis each one is
carried out. Calls that create conferences and reservations do not need this: the scheduler itself knows a repeated
request, also after a takeover.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import orjson
import redis
from rest_framework.request import Request
from rest_framework.response import Response

from domains.models import Account
from foundation.cells.directory import own_platform, redis_of
from foundation.json_value import JSONValue
from foundation.web.arguments import malformed
from foundation.web.errors import UNSPECIFIED, AlreadyAnswered, Refusal

HEADER = "Idempotency-Key"
KEPT_SECONDS = 24 * 3600
CLAIMED_SECONDS = 60
"""A request whose process died may be repeated after so many seconds."""
MAX_KEY_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry out a request, as a key in Redis; repetitions of the request are refused while it lasts."""

    name: str
    digest: str

    def store_response(self, response: Response) -> None:
        """Store the answer for repetitions of the request.

        After a refusal delete the claim, so that it may be sent again.
        """
        data = response.data
        is_success = response.status_code < 300 and isinstance(data, dict) and data.get("success")
        try:
            connection = redis_of(own_platform())
            if is_success:
                record = {"digest": self.digest, "status": response.status_code, "body": data}
                connection.set(self.name, orjson.dumps(record), ex=KEPT_SECONDS)
            else:
                connection.delete(self.name)
        except redis.RedisError:
            return  # The claim lapses by itself.


def claim(request: Request, account: Account) -> Claim | None:
    """Claim a request with the header `Idempotency-Key` for this process; `None` without the header or without Redis.

    Raises AlreadyAnswered with the answer of the first request, and Refusal if the key was used for another request, or
    the first one is in progress.
    """
    key = request.headers.get(HEADER, "")
    if not key:
        return None
    if len(key) > MAX_KEY_LENGTH:
        raise malformed(f"{HEADER}: at most {MAX_KEY_LENGTH} characters are taken")
    identity = hashlib.sha256(f"{request.path}\n{key}".encode()).hexdigest()
    claimed = Claim(f"api:once:{account.moid}:{identity}", _digest(request))
    record_in_progress = orjson.dumps({"digest": claimed.digest})
    try:
        connection = redis_of(own_platform())
        if connection.set(claimed.name, record_in_progress, nx=True, ex=CLAIMED_SECONDS):
            return claimed
        content = connection.get(claimed.name)
    except redis.RedisError:
        return None
    record: dict[str, JSONValue] = orjson.loads(content) if content else {"digest": claimed.digest}
    if record["digest"] != claimed.digest:
        raise malformed(f"{HEADER}: was used for another request")
    body, status = record.get("body"), record.get("status")
    if not isinstance(body, dict) or not isinstance(status, int):
        sentence = "the same request is still in progress; ask again shortly"
        raise Refusal(UNSPECIFIED, sentence)
    raise AlreadyAnswered(body, status)


def _digest(request: Request) -> str:
    """Return a hash of the request's arguments, without the client application's token, which may be a newer one."""
    fields = dict(request._request.api_fields)  # type: ignore[attr-defined]  # set by WildRequests
    fields.pop("account_token", None)
    content = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(content).hexdigest()
