"""The models are the tree of domains with its machine rooms and accounts, and the log of changes of these."""

from domains.models.accounts import (
    Account,
    ApiKey,
    ApiToken,
    Application,
    SignInName,
    hash_secret,
)
from domains.models.departments import Department
from domains.models.propagation import (
    Applied,
    Change,
    ChangeFor,
    Counter,
    Followed,
    Follower,
    Unprojected,
)
from domains.models.tree import (
    BackupPlatform,
    CoreDomain,
    Domain,
    Level,
    MachineRoom,
    PlatformDomain,
    RecoveryMode,
    ServiceDomain,
    UserDomain,
    new_moid,
)

__all__ = [
    "Account",
    "ApiKey",
    "ApiToken",
    "Application",
    "Applied",
    "BackupPlatform",
    "Change",
    "ChangeFor",
    "CoreDomain",
    "Counter",
    "Department",
    "Domain",
    "Followed",
    "Follower",
    "Level",
    "MachineRoom",
    "PlatformDomain",
    "RecoveryMode",
    "ServiceDomain",
    "SignInName",
    "Unprojected",
    "UserDomain",
    "hash_secret",
    "new_moid",
]
