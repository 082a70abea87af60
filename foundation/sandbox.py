"""The sandbox of programs that decode strangers' media: what a broken decoder could reach is these media, nothing else.

The programs run as the user of a worker or web process, whose files and environment hold the secrets of the platform.
Linux' Landlock takes rights away from the process itself, so no other user and no root is needed (decision 0063).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_PACKAGES = Path(__file__).resolve().parents[1]
_SYSTEM_PATHS = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null", "/dev/urandom")
"""Read for libraries, fonts and modules that are loaded late. They hold nothing of the platform."""
_OWN_PACKAGES = ("foundation", "im", "media_unit", "wire")

# From linux/prctl.h, linux/sched.h and linux/landlock.h; the numbers of the calls are the same on all processors.
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SYS_CREATE_RULESET, _SYS_ADD_RULE, _SYS_RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION, _RULE_PATH_BENEATH = 1, 1
_SCOPE_SOCKETS_AND_SIGNALS = 3
_FIRST_ABI_WITH_SCOPES = 6
_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15}
"""The ABI's version -> how many rights to files the kernel knows, each a bit; later versions know 16."""
_READ_FILE, _READ_DIR, _TRUNCATE = 1 << 2, 1 << 3, 1 << 14
_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _TRUNCATE | 1 << 1 | 1 << 5 | 1 << 7 | 1 << 8
"""Read, and write, remove, and create files, and create folders."""


class _Ruleset(ctypes.Structure):
    """The `struct landlock_ruleset_attr`: the rights that the process loses but for the rules that are added."""

    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathRule(ctypes.Structure):
    """The `struct landlock_path_beneath_attr`: rights that the process keeps to a file, or in a folder and below."""

    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def confine(out: Path, media: Sequence[Path]) -> None:
    """Take away from this process, for the rest of its life, network, new rights, and the files of others.

    It may write in the folder `out`, and read the files and folders `media` and where libraries are. What the system
    does not allow to be taken away is kept, and named on standard error. The process must have one thread only.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET):
        print(f"keeps its network: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
    try:
        _restrict_files(libc, out, media)
    except OSError as error:
        print(f"keeps its user's files: {error.strerror}", file=sys.stderr)


def _restrict_files(libc: ctypes.CDLL, out: Path, media: Sequence[Path]) -> None:
    """Take away the rights to all files but those that `confine` names, and to signal others. Raises OSError."""
    abi = _checked(libc.syscall(_SYS_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION))
    rights = (1 << _RIGHTS_OF_ABI.get(abi, 16)) - 1
    has_scopes = abi >= _FIRST_ABI_WITH_SCOPES
    ruleset = _Ruleset(rights, 0, _SCOPE_SOCKETS_AND_SIGNALS if has_scopes else 0)
    # An older kernel knows only the first field.
    size = ctypes.sizeof(ruleset) if has_scopes else ctypes.sizeof(ctypes.c_uint64)
    descriptor = _checked(libc.syscall(_SYS_CREATE_RULESET, ctypes.byref(ruleset), size, 0))
    own = [str(_PACKAGES / name) for name in _OWN_PACKAGES]
    for path in (*_SYSTEM_PATHS, sys.prefix, sys.base_prefix, *own, *map(str, media)):
        if os.path.exists(path):
            _allow(libc, descriptor, path, _READ & rights)
    _allow(libc, descriptor, str(out), _WRITE & rights)
    _checked(libc.syscall(_SYS_RESTRICT_SELF, descriptor, 0))
    os.close(descriptor)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    """Add a rule to a ruleset: the process keeps these rights to a file, or in a folder and below. Raises OSError."""
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        # A file has none of the rights of folders.
        kept = rights if os.path.isdir(path) else rights & _READ_FILE
        rule = _PathRule(kept, descriptor)
        _checked(libc.syscall(_SYS_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(descriptor)


def _checked(result: int) -> int:
    """Return the result of a system call. Raises OSError if the call has failed."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
