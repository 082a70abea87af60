"""A licence travels as sealed text, which only the core can make and only a site can read.

    CPL1.<base64url of: checksum 4 | key id 8 | signature 64 | nonce 12 | AES-256-GCM of the JSON>

The Ed25519 signature covers everything but the checksum and itself, prefix included. Checksum and key id protect
nothing: they tell a slip in copying from a text that was made with another key, so that the operator is told the
right thing. Base64 has to be the one way to write its bytes, so that no bit of the text can change unseen.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from licensing.rules.amounts import MOST, WIRE_NAMES, Amounts
from wire.licences import MOST_CHARACTERS

PREFIX = "CPL1."
KEY_BYTES = 32

_CHECK, _KEY_ID, _SIGNATURE, _NONCE = 4, 8, 64, 12
_HEAD = _CHECK + _KEY_ID + _SIGNATURE + _NONCE


class BadLicence(ValueError):
    """The base of all refusals of a licence. Its text tells the operator what to do."""


class NotALicence(BadLicence):
    """The text is something else, or only a piece of a licence."""


class UnknownVersion(BadLicence):
    """The licence was made by a newer release."""


class Altered(BadLicence):
    """The text is not as it was issued."""


class WrongKey(BadLicence):
    """The licence was signed or sealed with a key that this site does not have."""


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence says how much a platform domain may do, and from when till when (UTC; `None` means no end)."""

    platform: str
    issue: int
    amounts: Amounts
    valid_from: datetime
    valid_to: datetime | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for values that no licence can have."""
        if not 1 <= len(self.platform) <= 40 or not self.platform.isprintable():
            raise ValueError("the platform's MOID has 1 to 40 characters")
        if not 1 <= self.issue <= MOST:
            raise ValueError("the issue is a whole number from 1 on")
        for name, value in asdict(self.amounts).items():
            if type(value) is not int or not 0 <= value <= MOST:
                raise ValueError(f"{name} must be a whole number from 0 to {MOST}")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("its end must be later than its beginning")


def seal(licence: Licence, signing_key: bytes, sealing_key: bytes) -> str:
    """Return the text of a licence. Both keys have 32 bytes. Sealing twice gives two different texts."""
    signer = Ed25519PrivateKey.from_private_bytes(signing_key)
    key_id = _id_of(public_of(signing_key))
    nonce = os.urandom(_NONCE)
    hidden = AESGCM(sealing_key).encrypt(nonce, _to_json(licence), PREFIX.encode() + key_id)
    signature = signer.sign(PREFIX.encode() + key_id + nonce + hidden)
    rest = key_id + signature + nonce + hidden
    return PREFIX + _encode(_checksum(rest) + rest)


def unseal(text: str, public_key: bytes, sealing_key: bytes) -> Licence:
    """Return the licence of a text, verified. Raises a BadLicence with its reason."""
    rest = _bytes_of(text)
    key_id, rest = rest[:_KEY_ID], rest[_KEY_ID:]
    if key_id != _id_of(public_key):
        raise WrongKey(
            f"signed with another key ({key_id.hex()}) than this site trusts"
            f" ({_id_of(public_key).hex()}, LICENSE_PUBLIC_KEY); ask for one of your own core"
        )
    signature, sealed = rest[:_SIGNATURE], rest[_SIGNATURE:]
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(
            signature, PREFIX.encode() + key_id + sealed
        )
    except InvalidSignature:
        raise Altered("altered: the signature does not fit; ask for it to be issued anew") from None
    nonce, hidden = sealed[:_NONCE], sealed[_NONCE:]
    try:
        plain = AESGCM(sealing_key).decrypt(nonce, hidden, PREFIX.encode() + key_id)
    except InvalidTag:
        raise WrongKey("sealed with another key than this site has (LICENSE_SEALING_KEY)") from None
    return _from_json(plain)


def without_whitespace(text: str) -> str:
    """Return a text as it was issued. Mail programs and terminals break lines."""
    return "".join(text.split())


def new_keys() -> tuple[bytes, bytes, bytes]:
    """Return a new signing key, its public key, and a sealing key, each of 32 bytes."""
    signer = Ed25519PrivateKey.generate()
    return signer.private_bytes_raw(), signer.public_key().public_bytes_raw(), os.urandom(KEY_BYTES)


def public_of(signing_key: bytes) -> bytes:
    """Return the public key that belongs to a signing key."""
    return Ed25519PrivateKey.from_private_bytes(signing_key).public_key().public_bytes_raw()


def write_key(key: bytes) -> str:
    """Return a key as a line of text."""
    return _encode(key)


def read_key(text: str, what: str) -> bytes:
    """Return a key from its line of text. Raises BadLicence, which names `what` is wrong."""
    try:
        key = _decode(without_whitespace(text))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadLicence(
            f"{what} is not a key: 43 characters, as manage.py license_keygen writes them"
        )
    return key


# ---- inside ------------------------------------------------------------------------------------


def _bytes_of(text: str) -> bytes:
    """Return the bytes after the checksum. Raises a BadLicence."""
    text = without_whitespace(text)
    version = re.match(r"CPL(\d{1,4})\.", text, re.ASCII)
    if not version or len(text) > MOST_CHARACTERS:
        raise NotALicence(f"not a licence: its text begins with {PREFIX}; copy all of it")
    if version[0] != PREFIX:
        raise UnknownVersion(
            f"version {version[1]} of licences is not known here; update this site"
        )
    if len(text) <= len(PREFIX) + _HEAD * 4 // 3:
        raise NotALicence("not a licence: its end is missing; copy all of it")
    try:
        raw = _decode(text[len(PREFIX) :])
    except ValueError:
        raise Altered("altered: it is not as it was issued; copy it again") from None
    if _checksum(raw[_CHECK:]) != raw[:_CHECK]:
        raise Altered("altered: it is not as it was issued; copy it again")
    return raw[_CHECK:]


def _to_json(licence: Licence) -> bytes:
    body = {
        "platformmoid": licence.platform,
        "issue": licence.issue,
        **licence.amounts.on_the_wire(),
        "validfrom": licence.valid_from.astimezone(UTC).isoformat(),
        "validto": licence.valid_to and licence.valid_to.astimezone(UTC).isoformat(),
    }
    return json.dumps(body).encode()


def _from_json(plain: bytes) -> Licence:
    """Return the licence of its JSON. Raises NotALicence.

    If the core has signed something unreadable, its release does not fit this one.
    """
    try:
        body: dict[str, Any] = json.loads(plain)
        until = body["validto"]
        return Licence(
            body["platformmoid"],
            body["issue"],
            Amounts(**{name: body[wire_name] for name, wire_name in WIRE_NAMES.items()}),
            datetime.fromisoformat(body["validfrom"]).astimezone(UTC),
            until and datetime.fromisoformat(until).astimezone(UTC),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotALicence(f"not a licence: its content is odd ({error})") from None


def _id_of(public_key: bytes) -> bytes:
    return hashlib.sha256(public_key).digest()[:_KEY_ID]


def _checksum(rest: bytes) -> bytes:
    return hashlib.sha256(PREFIX.encode() + rest).digest()[:_CHECK]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Return the bytes of a text. Raises ValueError, also if another text would give the same bytes."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    if _encode(raw) != text:
        raise ValueError("not the one way to write these bytes")
    return raw
