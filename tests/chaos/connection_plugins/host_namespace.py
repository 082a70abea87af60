"""Ansible reaches a host that is a set of namespaces: `ansible_host_pid` is the id of its first process."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from ansible.plugins.connection import ConnectionBase  # type: ignore[import-not-found]

DOCUMENTATION = """
    name: host_namespace
    short_description: run tasks in the namespaces of a process
    description: Commands run in the network, mount, process and host name namespaces of a process of this machine.
    author: the platform
    version_added: "1.0"
    options:
      pid:
        description: id of the first process of the host
        type: str
        vars:
          - name: ansible_host_pid
"""

CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
"""The environment of a command, as after a fresh sign-in: nothing of the caller's settings."""


class Connection(ConnectionBase):  # type: ignore[misc]  # it has no types
    """The connection runs commands by `nsenter`, and copies files through the input and output of `cat`."""

    transport = "host_namespace"
    has_pipelining = True

    def _connect(self) -> Connection:
        """Do nothing: each command enters the namespaces by itself."""
        self._connected = True
        return self

    def _run(self, words: list[str], data: bytes | None) -> tuple[int, bytes, bytes]:
        """Run a command on the host with this input; return its exit code, output and error output."""
        pid = self.get_option("pid")
        enter = ["nsenter", f"--target={pid}", "--net", "--pid", "--mount", "--uts", "--root"]
        result = subprocess.run(
            [*enter, "--wdns=/", *words], input=data, env=CLEAN, capture_output=True, check=False
        )
        return result.returncode, result.stdout, result.stderr

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run a command of the shell on the host."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(["/bin/sh", "-c", cmd], in_data)

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of this machine to the host."""
        super().put_file(in_path, out_path)
        self._run(["/bin/dd", "status=none", f"of={out_path}"], Path(in_path).read_bytes())

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the host to this machine."""
        super().fetch_file(in_path, out_path)
        Path(out_path).write_bytes(self._run(["/bin/cat", in_path], None)[1])

    def close(self) -> Any:
        """Do nothing: nothing is open between two commands."""
        self._connected = False
