"""A site's passwords, keys and ids: they are generated once, stored in secrets.json, and never printed."""

import json
import secrets
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.stand.errors import StandError
from deploy.stand.server import write_private
from licensing.rules.licence_text import generate_keys, public_key_of, read_key, write_key


def _password() -> str:
    """Return a new random password for a server, of hexadecimal digits."""
    return secrets.token_hex(16)  # needs no quoting in a URL, in SQL, in a shell


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """A vault has the secrets of a site: passwords of its servers, and keys. Only its processes get them."""

    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(50))
    platform_moid: str = field(default_factory=lambda: str(uuid.uuid4()))
    mariadb: str = field(default_factory=_password)
    redis: str = field(default_factory=_password)
    rabbitmq: str = field(default_factory=_password)
    clients_broker: str = field(default_factory=_password)
    turn: str = field(default_factory=_password)
    xmpp: str = field(default_factory=_password)
    copies: str = field(default_factory=_password)
    register: str = field(default_factory=_password)
    license_signing: str = field(default_factory=lambda: write_key(generate_keys()[0]))
    license_sealing: str = field(default_factory=lambda: write_key(generate_keys()[2]))
    account_sealing: str = field(default_factory=lambda: write_key(generate_keys()[2]))

    @property
    def license_public(self) -> str:
        """Return the public key that verifies licences signed with this vault's signing key."""
        return write_key(public_key_of(read_key(self.license_signing, "license_signing")))

    @classmethod
    def open(cls, directory: Path) -> "Vault":
        """Return the secrets stored in a directory; missing ones are generated and stored."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / "secrets.json"
        stored = _read_secrets(path) if path.exists() else {}
        vault = cls(**{name: stored[name] for name in cls.__slots__ if name in stored})
        if asdict(vault) != stored:
            write_private(path, json.dumps(asdict(vault), indent=1) + "\n")
        return vault


def _read_secrets(path: Path) -> dict[str, str]:
    """Return the secrets in a file. Raises StandError if it is damaged: the servers' data need these secrets."""
    try:
        stored = json.loads(path.read_text())
        if isinstance(stored, dict):
            return stored
    except ValueError:
        pass
    raise StandError(
        f"{path} is damaged: put back a copy of it, or delete {path.parent} to begin anew"
    )
