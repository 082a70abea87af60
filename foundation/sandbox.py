"""The sandbox of programs that decode strangers' media: what a broken decoder could reach is these media, nothing else.

The programs run as the user of a worker or web process, whose files and environment hold the secrets of the platform.
Linux' Landlock takes rights away from the process itself, so no other user and no root is needed (decision 0063).
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

_PACKAGES = Path(__file__).resolve().parents[1]
_SYSTEM_PATHS = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null", "/dev/urandom")
"""Read for libraries, fonts and modules that are loaded late. They hold nothing of the platform."""
_OWN_PACKAGES = ("foundation", "im", "media_unit", "wire")

# From linux/prctl.h, linux/seccomp.h, linux/filter.h and linux/audit.h.
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_OFFSET_OF_CALL, _OFFSET_OF_PROCESSOR = 0, 4
_ALLOW, _REFUSE_WITH_EPERM, _KILL = 0x7FFF0000, 0x00050001, 0x80000000
_FIRST_OTHER_CALL = 0x40000000
"""From this number on x86 has the same calls once more, under other numbers."""
_SOCKET_CALLS = {
    "x86_64": (0xC000003E, (41, 42, 53, 425)),
    "aarch64": (0xC00000B7, (198, 203, 199, 425)),
}
"""The processor -> its number for the kernel, and those of the calls socket, connect, socketpair, io_uring_setup."""

# From linux/landlock.h; the numbers of the calls are the same on all processors.
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

    It may write in the folder `out`, and read the files and folders `media` and where libraries are. A kernel without
    Landlock leaves it the files of its user, which is said on standard error. The process must have one thread only.
    Raises OSError if it would keep the network.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _refuse_sockets(libc)
    try:
        _restrict_files(libc, out, media)
    except OSError as error:
        print(f"keeps its user's files: {error.strerror}", file=sys.stderr)


def _refuse_sockets(libc: ctypes.CDLL) -> None:
    """Refuse to this process every socket, of the network or a path: by one the database could be reached.

    Raises OSError if the kernel takes no filter of system calls, or the processor is not known.
    """
    if platform.machine() not in _SOCKET_CALLS:
        raise OSError(f"no filter of system calls is written for {platform.machine()}")
    processor, calls = _SOCKET_CALLS[platform.machine()]
    last = len(calls) + 1
    filter_program = [
        (_LOAD, 0, 0, _OFFSET_OF_PROCESSOR),
        (_JUMP_IF_EQUAL, 1, 0, processor),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _OFFSET_OF_CALL),
        (_JUMP_IF_AT_LEAST, last, 0, _FIRST_OTHER_CALL),
        *((_JUMP_IF_EQUAL, last - place, 0, call) for place, call in enumerate(calls, 1)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE_WITH_EPERM),
    ]
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *step) for step in filter_program)
    )
    program = struct.pack("HxxxxxxP", len(filter_program), ctypes.addressof(code))
    _checked(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0))


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
