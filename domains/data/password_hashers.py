"""How passwords and the secrets of programs are kept (decision 0020)."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher, BasePasswordHasher
from django.utils.crypto import constant_time_compare


class Argon2Hasher(Argon2PasswordHasher):
    """Argon2id as OWASP recommends it at least: 19 MiB, two rounds, one lane.

    Memory is what makes guessing dear; one lane, since web processes share the processors.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1


class RandomSecretHasher(BasePasswordHasher):
    """For secrets that we roll ourselves, of 128 bits and more: they cannot be guessed, so one
    round of SHA-256 is enough. Never for a password that somebody has thought of."""

    algorithm = "random"

    def encode(self, password: str, salt: str) -> str:
        """As it is kept."""
        digest = hashlib.sha256(f"{salt}{password}".encode()).hexdigest()
        return f"{self.algorithm}${salt}${digest}"

    def decode(self, encoded: str) -> dict[str, Any]:
        """Its parts."""
        algorithm, salt, digest = encoded.split("$", 2)
        return {"algorithm": algorithm, "salt": salt, "hash": digest}

    def verify(self, password: str, encoded: str) -> bool:
        """Is it this one?"""
        return constant_time_compare(encoded, self.encode(password, self.decode(encoded)["salt"]))

    def safe_summary(self, encoded: str) -> Any:
        """For people: nothing."""
        return {"algorithm": self.algorithm}

    def harden_runtime(self, password: str, encoded: str) -> None:
        """There is no other number of rounds."""
