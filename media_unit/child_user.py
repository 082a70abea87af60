"""The user and environment of the processes that strangers talk to: Janus and the proxy before it."""

from __future__ import annotations

import logging
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

log = logging.getLogger("conferences.media.janus")

REPOSITORY = Path(__file__).resolve().parents[1]

_KEPT = frozenset(("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH"))


class UserArguments(TypedDict, total=False):
    """The arguments of `subprocess.Popen` by which a process runs as another user; {} means the agent's own user."""

    user: int
    group: int
    extra_groups: list[int]
    umask: int


@dataclass(frozen=True, slots=True)
class ChildUser:
    """The user of Janus and its gate, the proxy; `uid` is `None` where they run as the agent's own user."""

    uid: int | None = None
    gid: int = -1

    @property
    def arguments(self) -> UserArguments:
        """Return the arguments of `subprocess` that start a program as this user."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "umask": 0o022}

    def make_readable(self, path: Path) -> None:
        """Set owner and mode of the agent's file or folder so that this user can read it, and no other user can."""
        if self.uid is not None:
            os.chown(path, -1, self.gid)
            path.chmod(0o750 if path.is_dir() else 0o640)

    def make_writable(self, folder: Path) -> None:
        """Set owner and mode of the agent's folder so that this user can create files in it."""
        if self.uid is not None:
            os.chown(folder, -1, self.gid)
            folder.chmod(0o770)


def child_user(program: str, name: str, *needed: Path) -> ChildUser:
    """Return the system user `name` for running a program, or the agent's own user if that is not possible.

    Only root may start programs as another user, and that user must be able to reach the paths in `needed`; if not, a
    warning is logged, which names the `program`. `name` "" means the agent's own user.
    """
    if not name or os.geteuid() != 0:
        return ChildUser()
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        log.warning("CMU_JANUS_USER: no user %s; %s runs as the agent's own user", name, program)
        return ChildUser()
    for folder in (parent for path in needed for parent in path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            log.warning(
                "%s can not enter %s: %s runs as the agent's own user", name, folder, program
            )
            return ChildUser()
    return ChildUser(user.pw_uid, user.pw_gid)


def child_environment(preload: str) -> dict[str, str]:
    """Return an environment for Janus and its gate (the proxy before Janus), without the agent's secrets and addresses.

    `preload` is a library for LD_PRELOAD, or "".
    """
    env = {key: value for key, value in os.environ.items() if key in _KEPT or key[:6] == "STAND_"}
    preloads = [path for path in (preload, os.environ.get("LD_PRELOAD", "")) if path]
    return env | ({"LD_PRELOAD": ":".join(preloads)} if preloads else {})
