"""The first rows of a tree of domains: core domain, service domain, platforms, a tenant, and the first operator.

Each function may be repeated: what is there already stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password

from domains.flows import change, people
from domains.models import (
    Account,
    BackupPlatform,
    CoreDomain,
    Domain,
    MachineRoom,
    PlatformDomain,
    ServiceDomain,
    UserDomain,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlatform:
    """A platform to be created: its id and name, how its conference numbers begin, its URL, and its backup's name.

    `backup` is empty for a platform that no other one takes over.
    """

    moid: str
    name: str
    prefix: str
    url: str
    backup: str = ""


def create_roots(core_moid: str, service_name: str) -> tuple[Domain, Domain]:
    """Return the core domain (the root of the tree) and the first service domain below it; create what is missing.

    `core_moid` is the id for a new core domain; "": one is made up.
    """
    core: Domain | None = CoreDomain.objects.first()
    if core is None:
        identity = {"moid": core_moid} if core_moid else {}
        core = change.save_domain(CoreDomain(name="Core", **identity))
    service: Domain | None = ServiceDomain.objects.filter(parent=core).first()
    if service is None:
        service = change.save_domain(ServiceDomain(name=service_name, parent=core))
    return core, service


def create_platforms(service: Domain, platforms: Sequence[NewPlatform]) -> list[PlatformDomain]:
    """Return the domains of platforms; create what is missing of them, their machine rooms and their backups."""
    domains = [_create_platform(service, platform) for platform in platforms]
    moids = {platform.name: platform.moid for platform in platforms}
    for platform in platforms:
        has_backup = BackupPlatform.objects.filter(platform_id=platform.moid).exists()
        if platform.backup and not has_backup:
            change.save_backups(platform.moid, [moids[platform.backup]])
    return domains


def _create_platform(service: Domain, platform: NewPlatform) -> PlatformDomain:
    """Return the domain of a platform; create it, and its default machine room, if they are missing."""
    domain: PlatformDomain | None = PlatformDomain.objects.filter(moid=platform.moid).first()
    if domain is None:
        domain = change.save_domain(
            PlatformDomain(
                moid=platform.moid,
                name=platform.name,
                parent=service,
                e164_prefix=platform.prefix,
                http_url=platform.url,
            )
        )
    if not MachineRoom.objects.filter(platform_id=platform.moid).exists():
        change.save_room(MachineRoom(platform_id=platform.moid, is_default=True, name="Room 1"))
    return domain


def create_tenant(service: Domain, platform: PlatformDomain, name: str) -> Domain:
    """Return the user domain (tenant) of this name, whose conferences `platform` holds; create it if it is missing."""
    tenant: Domain | None = UserDomain.objects.filter(parent=service, name=name).first()
    if tenant is not None:
        return tenant
    return change.save_domain(UserDomain(name=name, parent=service, platform=platform))


def has_operator() -> bool:
    """Return whether there is an account that may do everything."""
    return Account.objects.filter(is_superuser=True).exists()


def create_operator(core: Domain, username: str, password: str) -> None:
    """Create the first operator, an account of the core domain that may do everything.

    Raises Django's ValidationError for a password that is too weak.
    """
    validate_password(password, Account(username=username))
    people.create(password, username=username, domain=core, is_staff=True, is_superuser=True)
