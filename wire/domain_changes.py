"""Messages about changes of domains and accounts (ARCH §3.5, §3.6; CSS §3.2).

The fields `previous`, `whole` and `platformmoid` of these messages, `endrunning`, `findable` and `departments` of a
domain, `department` and `position` of an account, are ours: a third party's BMC sends none of them, and third parties
ignore them.
"""

from __future__ import annotations

from typing import Annotated, Literal, Required, TypedDict

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import digits, items, text, whole
from wire.fields import Moid, MoidOrEmpty, ReqId

MAX_VERSION = 2**50
MAX_COUNTED_DOMAINS = 1000
"""One request for running conferences names at most so many domains."""

Operation = Literal["add", "mod", "del"]
Version = Annotated[int, whole(1, MAX_VERSION)]
VersionOrNone = Annotated[int, whole(0, MAX_VERSION)]
_Flag = Literal[0, 1]
_Limit = Annotated[int, whole(0, 2**31 - 1)]
_Name = Annotated[str, text(64)]
_Url = Annotated[str, text(200)]


class RoomRecord(TypedDict, total=False):
    """A record describes a machine room of a platform: id, name, order, and whether it is the default."""

    roommoid: Moid
    name: _Name
    order: Annotated[int, whole(0, 32767)]
    default: _Flag


class KeyRecord(TypedDict, total=False):
    """A record describes a key of the open API, with the hash of its secret."""

    key: Annotated[str, text(64, 1)]
    secrethash: Annotated[str, text(64, 1)]
    name: _Name
    enabled: _Flag


class DepartmentRecord(TypedDict, total=False):
    """A department of a user domain; without a parent it lies directly below the domain."""

    departmentmoid: Required[Moid]
    parent: MoidOrEmpty
    name: Required[Annotated[str, text(64, 1)]]


class AddressesRecord(TypedDict, total=False):
    """A record has the URLs of a platform's servers: web pages, broker, Redis, database."""

    http: _Url
    broker: _Url
    redis: _Url
    database: _Url


class DomainRecord(TypedDict, total=False):
    """A domain. Fields that are absent stay as the receiver has them; unknown fields are dropped.

    `endrunning` is sent when a domain is disabled: conferences that run in it and in domains below it must end now.
    `findable`: people of this user domain can be found by people of other user domains that are findable, too.
    `departments` of a user domain: all of them; those that it does not name are deleted.
    """

    moid: Required[Moid]
    level: Literal[0, 1, 2, 3, "0", "1", "2", "3"]
    uplevelmoid: MoidOrEmpty
    name: Annotated[str, text(64, 1)]
    used: _Flag
    enableh265: _Flag
    enablehdmeeting: _Flag
    platformmoid: Moid
    roommoid: MoidOrEmpty
    smallconfnumlimit: _Limit
    largeconfnumlimit: _Limit
    e164prefix: Annotated[str, digits(8)]
    backups: Annotated[list[Moid], items()]
    drmode: Literal["auto", "manual", "off"]
    rooms: Annotated[list[RoomRecord], items()]
    addresses: AddressesRecord
    apikeys: Annotated[list[KeyRecord], items(2000)]
    findable: _Flag
    departments: Annotated[list[DepartmentRecord], items(500)]
    endrunning: _Flag


class AccountRecord(TypedDict, total=False):
    """An account. Fields that are absent stay as the receiver has them; unknown fields are dropped."""

    moid: Required[Moid]
    account: Annotated[str, text(150, 1)]
    firstname: Annotated[str, text(150)]
    lastname: Annotated[str, text(150)]
    email: Annotated[str, text(254)]
    phone: Annotated[str, text(16)]
    e164: Annotated[str, text(16)]
    userdomainmoid: Moid
    department: MoidOrEmpty
    position: Annotated[str, text(64)]
    used: _Flag
    administrator: _Flag
    operator: _Flag
    sealed: Annotated[str, text(16384)]


@message("BMC_CSS_DOMAIN_NTF")
class DomainChanged(Message):
    """A domain was added, changed or deleted at the central site (the core).

    `previous` is the version of the last message before this one, so that a site sees a gap. `whole` marks the last
    message of a full snapshot, which began with that version: domains and accounts that it did not name are deleted.
    `platform`: the platform whose data is to change; absent, all platforms with data at the site (CSS §3.3).
    """

    op: Operation
    version: Version
    domain: DomainRecord
    previous: VersionOrNone | None = None
    whole: Version | None = None
    platform: Moid | None = field(name="platformmoid", default=None)


@message("AMC_CSS_ACCOUNT_NTF")
class AccountChanged(Message):
    """An account was added, changed or deleted at the central site; the other fields are as in `DomainChanged`."""

    op: Operation
    version: Version
    account: AccountRecord
    previous: VersionOrNone | None = None
    whole: Version | None = None
    platform: Moid | None = field(name="platformmoid", default=None)


@message("CSS_BMC_SYNC_REQ")
class AskForChanges(Message):
    """A site asks for all changes after a version, which come in order, under the versions that they had.

    `platform`: the platform whose data the changes are for; absent means the site's own. Sites that run our software
    name it, and get a full snapshot with new versions if the core's log does not reach back to the version `after`.
    """

    after: VersionOrNone
    platform: Moid | None = field(name="platformmoid", default=None)


@message("BMC_CSS_RUNNING_REQ")
class CountRunning(Message):
    """The central site (core) asks a site how many conferences run in these domains and below (our addition).

    `platform`: the platform in whose data they are counted.
    """

    reqid: ReqId
    moids: Annotated[list[Moid], items(MAX_COUNTED_DOMAINS)]
    platform: Moid = field(name="platformmoid")


@message("CSS_BMC_RUNNING_ACK")
class RunningCounted(Message):
    """A site answers the central site (core) how many conferences of a platform run in the domains and below."""

    reqid: ReqId
    platform: Moid = field(name="platformmoid")
    running: Annotated[int, whole(0, 2**31 - 1)]
