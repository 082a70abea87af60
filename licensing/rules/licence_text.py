"""A licence is sent as a sealed text: signed by the central site (the core), and encrypted for its sites.

    CPL1.<base64url of: checksum 4 | key id 8 | signature 64 | nonce 12 | AES-256-GCM of the JSON>

The Ed25519 signature covers all but the checksum and itself, prefix included. Checksum and key id protect nothing:
by them an error in copying is told from a text made with another key, for the error message. The base64 text must be
the canonical form of its bytes, so that no bit of it can be changed without notice.
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
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from licensing.rules.amounts import MAX_AMOUNT, WIRE_NAMES, Amounts
from wire.licences import MAX_CHARACTERS

PREFIX = "CPL1."
KEY_BYTES = 32

_CHECKSUM_BYTES, _KEY_ID_BYTES, _SIGNATURE_BYTES, _NONCE_BYTES = 4, 8, 64, 12
_HEAD_BYTES = _CHECKSUM_BYTES + _KEY_ID_BYTES + _SIGNATURE_BYTES + _NONCE_BYTES


class BadLicence(ValueError):
    """The base of all errors by which a licence is refused. Its text tells the operator what to do."""


class NotALicence(BadLicence):
    """The error says that a text is no licence, or only a part of one."""


class UnknownVersion(BadLicence):
    """The error says that a licence was made by a newer release of this software."""


class Altered(BadLicence):
    """The error says that a licence's text was changed after it was issued."""


class WrongKey(BadLicence):
    """The error says that a licence was signed or encrypted with a key that this site does not have."""


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence limits what a platform may do, from `valid_from` to `valid_to` (UTC; `None` means no end)."""

    platform: str
    issue: int
    amounts: Amounts
    valid_from: datetime
    valid_to: datetime | None = None

    def __post_init__(self) -> None:
        """Check the values; raise ValueError for those that no licence can have."""
        if not 1 <= len(self.platform) <= 40 or not self.platform.isprintable():
            raise ValueError("the platform's MOID has 1 to 40 characters")
        if not 1 <= self.issue <= MAX_AMOUNT:
            raise ValueError("the issue is a whole number from 1 on")
        for name, value in asdict(self.amounts).items():
            if type(value) is not int or not 0 <= value <= MAX_AMOUNT:
                raise ValueError(f"{name} must be a whole number from 0 to {MAX_AMOUNT}")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("its end must be later than its beginning")


def seal(licence: Licence, signing_key: bytes, sealing_key: bytes) -> str:
    """Sign and encrypt a licence, and return its sealed text, which differs each time.

    Both keys have 32 bytes: Ed25519 to sign, AES-256 to encrypt.
    """
    signer = Ed25519PrivateKey.from_private_bytes(signing_key)
    key_id = _key_id_of(public_key_of(signing_key))
    nonce = os.urandom(_NONCE_BYTES)
    encrypted = AESGCM(sealing_key).encrypt(nonce, _to_json(licence), PREFIX.encode() + key_id)
    signature = signer.sign(PREFIX.encode() + key_id + nonce + encrypted)
    payload = key_id + signature + nonce + encrypted
    return PREFIX + _base64_text(_checksum(payload) + payload)


def unseal(text: str, public_key: bytes, sealing_key: bytes) -> Licence:
    """Verify the signature of a licence's sealed text, decrypt it, and return the licence. Raises BadLicence."""
    payload = _unpack_payload(text)
    key_id, signature_and_sealed = payload[:_KEY_ID_BYTES], payload[_KEY_ID_BYTES:]
    if key_id != _key_id_of(public_key):
        raise WrongKey(
            f"signed with another key ({key_id.hex()}) than this site trusts"
            f" ({_key_id_of(public_key).hex()}, LICENSE_PUBLIC_KEY); ask for one of your own core"
        )
    signature = signature_and_sealed[:_SIGNATURE_BYTES]
    sealed = signature_and_sealed[_SIGNATURE_BYTES:]
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(
            signature, PREFIX.encode() + key_id + sealed
        )
    except InvalidSignature:
        raise Altered("altered: the signature does not fit; ask for it to be issued anew") from None
    nonce, encrypted = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        plain = AESGCM(sealing_key).decrypt(nonce, encrypted, PREFIX.encode() + key_id)
    except InvalidTag:
        raise WrongKey("sealed with another key than this site has (LICENSE_SEALING_KEY)") from None
    return _from_json(plain)


def without_whitespace(text: str) -> str:
    """Return a licence's text without the line breaks and spaces that mail programs and terminals add."""
    return "".join(text.split())


class LicenceKeys(NamedTuple):
    """The keys of licences, each of 32 bytes: to sign, to verify the signature, and to encrypt and decrypt."""

    signing_key: bytes
    public_key: bytes
    sealing_key: bytes


def generate_keys() -> LicenceKeys:
    """Return random new keys for licences: to sign, to verify the signature, and to encrypt the text."""
    signer = Ed25519PrivateKey.generate()
    return LicenceKeys(
        signer.private_bytes_raw(), signer.public_key().public_bytes_raw(), os.urandom(KEY_BYTES)
    )


def public_key_of(signing_key: bytes) -> bytes:
    """Return the public key that belongs to a signing key."""
    return Ed25519PrivateKey.from_private_bytes(signing_key).public_key().public_bytes_raw()


def write_key(key: bytes) -> str:
    """Return a key as text (base64url), as key files and settings hold it."""
    return _base64_text(key)


def read_key(text: str, name: str) -> bytes:
    """Return the key of a text that `write_key` made. Raises BadLicence.

    `name`: the setting or option that the text comes from, for the error.
    """
    try:
        key = _decode_base64(without_whitespace(text))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadLicence(
            f"{name} is not a key: 43 characters, as manage.py license_keygen writes them"
        )
    return key


# ---- inside ------------------------------------------------------------------------------------


def _unpack_payload(text: str) -> bytes:
    """Check form and checksum of a licence's sealed text; return its bytes after the checksum. Raises BadLicence."""
    text = without_whitespace(text)
    version = re.match(r"CPL(\d{1,4})\.", text, re.ASCII)
    if not version or len(text) > MAX_CHARACTERS:
        raise NotALicence(f"not a licence: its text begins with {PREFIX}; copy all of it")
    if version[0] != PREFIX:
        raise UnknownVersion(
            f"version {version[1]} of licences is not known here; update this site"
        )
    if len(text) <= len(PREFIX) + _HEAD_BYTES * 4 // 3:
        raise NotALicence("not a licence: its end is missing; copy all of it")
    try:
        raw = _decode_base64(text[len(PREFIX) :])
    except ValueError:
        raise Altered("altered: it is not as it was issued; copy it again") from None
    if _checksum(raw[_CHECKSUM_BYTES:]) != raw[:_CHECKSUM_BYTES]:
        raise Altered("altered: it is not as it was issued; copy it again")
    return raw[_CHECKSUM_BYTES:]


def _to_json(licence: Licence) -> bytes:
    """Return the content of a licence (platform, issue, limits, validity) as JSON, to be encrypted."""
    body = {
        "platformmoid": licence.platform,
        "issue": licence.issue,
        **licence.amounts.to_message_fields(),
        "validfrom": licence.valid_from.astimezone(UTC).isoformat(),
        "validto": licence.valid_to and licence.valid_to.astimezone(UTC).isoformat(),
    }
    return json.dumps(body).encode()


def _from_json(plain: bytes) -> Licence:
    """Return the licence of its decrypted JSON. Raises NotALicence.

    That happens if the central site (the core) runs another release, whose licences this one cannot read.
    """
    try:
        body: dict[str, Any] = json.loads(plain)
        valid_to = body["validto"]
        return Licence(
            body["platformmoid"],
            body["issue"],
            Amounts(**{name: body[wire_name] for name, wire_name in WIRE_NAMES.items()}),
            datetime.fromisoformat(body["validfrom"]).astimezone(UTC),
            valid_to and datetime.fromisoformat(valid_to).astimezone(UTC),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotALicence(f"not a licence: its content is odd ({error})") from None


def _key_id_of(public_key: bytes) -> bytes:
    """Return the id of a public key, by which a sealed text names it: the first bytes of its SHA-256."""
    return hashlib.sha256(public_key).digest()[:_KEY_ID_BYTES]


def _checksum(payload: bytes) -> bytes:
    """Return the checksum of a payload, by which a licence text that was copied badly is noticed."""
    return hashlib.sha256(PREFIX.encode() + payload).digest()[:_CHECKSUM_BYTES]


def _base64_text(raw: bytes) -> str:
    """Return bytes in URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode_base64(text: str) -> bytes:
    """Return the bytes of a base64url text. Raises ValueError, also if the text is not the canonical form."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    if _base64_text(raw) != text:
        raise ValueError("not the one way to write these bytes")
    return raw
