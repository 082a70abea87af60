"""The number of calls that one person may make is limited, and each answer says how many are left."""

from __future__ import annotations

import redis
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from domains.models import Account
from foundation import clock
from foundation.cells.directory import own_platform, redis_of


class CallLimit(BaseThrottle):
    """A limit of how many calls one person makes in a time window; without Redis there is no limit."""

    kind, name, seconds = "api", "calls", 10
    left: int | None = None
    """How many calls are left in this window, once one was counted; `None` without Redis."""

    @property
    def most(self) -> int:
        """Return how many calls one person may make in a time window."""
        return int(settings.API_CALLS_PER_USER)

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count this request; return whether it is within the person's limit.

        Requests without an account have no limit here.
        """
        return not isinstance(request.user, Account) or self.allows(request.user)

    def allows(self, person: Account) -> bool:
        """Count an API request of a person, and return whether it is within the limit of its kind.

        True without Redis.
        """
        window = int(clock.timestamp()) // self.seconds
        key = f"{self.kind}:rate:{self.name}:{person.moid}:{window}"
        try:
            with redis_of(own_platform()).pipeline(transaction=False) as pipe:
                pipe.incr(key)
                pipe.expire(key, self.seconds + 1)
                used = int(pipe.execute()[0])
        except redis.RedisError:
            return True
        self.left = max(0, self.most - used)
        return used <= self.most

    def wait(self) -> float:
        """Return the seconds until the next window begins."""
        return self.seconds - clock.timestamp() % self.seconds

    @property
    def headers(self) -> dict[str, str]:
        """Return the `RateLimit` headers: how many calls there may be, how many are left, and until when.

        {} if nothing was counted.
        """
        if self.left is None:
            return {}
        return {
            "RateLimit-Limit": str(self.most),
            "RateLimit-Remaining": str(self.left),
            "RateLimit-Reset": str(int(self.wait()) + 1),
        }
