"""Define the hashers with which passwords of people and secrets of client applications are stored (decision 0020)."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher, BasePasswordHasher
from django.utils.crypto import constant_time_compare


class Argon2Hasher(Argon2PasswordHasher):
    """The hasher stores people's passwords with Argon2id at OWASP's minimum: 19 MiB, two rounds, one lane.

    The memory makes guessing expensive. There is one lane because web processes share the processors.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1


class RandomSecretHasher(BasePasswordHasher):
    """The hasher stores random secrets of 128 bits or more that this program made, with one round of SHA-256.

    Such secrets cannot be guessed, so one round is enough. Never use it for a password that a person chose.
    """

    algorithm = "random"

    def encode(self, password: str, salt: str) -> str:
        """Return the text that is stored in place of a secret (`password`): algorithm, salt and digest."""
        digest = hashlib.sha256(f"{salt}{password}".encode()).hexdigest()
        return f"{self.algorithm}${salt}${digest}"

    def decode(self, encoded: str) -> dict[str, str]:
        """Return the parts of a stored text: algorithm, salt and digest."""
        algorithm, salt, digest = encoded.split("$", 2)
        return {"algorithm": algorithm, "salt": salt, "hash": digest}

    def verify(self, password: str, encoded: str) -> bool:
        """Return whether a stored text was made from this password."""
        return constant_time_compare(encoded, self.encode(password, self.decode(encoded)["salt"]))

    def safe_summary(self, encoded: str) -> Any:
        """Return the part of a stored text that people may see: the algorithm alone."""
        return {"algorithm": self.algorithm}

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Do nothing: Django calls it to equalize the duration of checks after the number of rounds has changed."""
