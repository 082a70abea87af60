"""Hosts for the installation: each has a file system, network, processes and users of its own, and no systemd.

A host is a set of namespaces of this machine, with an overlay over its root folder, so that Debian's packages are
there. Nothing outside is changed, and all processes end with the first one of the host. It needs root.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from deploy.stand.site import REPOSITORY

PATIENCE = 60.0
"""Seconds to wait for a process to start."""
NETWORK = "10.99.0"
DOMAIN = "conference.test"
"""The first three numbers of the hosts' IP addresses, which no network outside sees."""
ENTER = ("--net", "--pid", "--mount", "--uts", "--root", "--wdns=/")
"""Options of `nsenter`: all namespaces of a host, and its root folder."""
CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
"""The environment of commands on a host: nothing of the caller's."""
INIT = """
set -e
mount --make-rprivate /
mount -t overlay overlay -o lowerdir=/,upperdir={folder}/upper,workdir={folder}/work {folder}/root
cd {folder}/root
mount --rbind /dev dev
mount -t proc proc proc
mount --rbind /sys sys
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
mkdir -p opt/confplatform
mount --bind {repository} opt/confplatform
# The interpreter of .venv may lie in somebody's home.
dir=$(dirname "$(readlink -f {repository}/.venv/bin/python)")
while [ "$dir" != / ]; do chmod o+x ".$dir"; dir=$(dirname "$dir"); done
printf '{names}' > etc/hosts
: > etc/resolv.conf
hostname {name}
exec chroot . /usr/bin/sleep infinity
"""
"""The script that prepares a host, and becomes its first process."""
FIRST_PROCESS = b"/usr/bin/sleep\0infinity\0"
"""The command line of that process, as /proc shows it."""


class Hosts:
    """The hosts are joined by a bridge that lies in a network namespace of its own."""

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        """Prepare hosts with these names; their files lie below `root`."""
        self.root, self.names = root, list(names)
        self.pids: dict[str, int] = {}
        """The id of the first process of each host."""
        self._children: list[subprocess.Popen[bytes]] = []

    def address(self, name: str) -> str:
        """Return the IP address of a host."""
        return f"{NETWORK}.{10 + self.names.index(name)}"

    def start(self) -> None:
        """Make the network and the hosts."""
        outer = self._spawn(
            ["unshare", "--net", "--mount", "--fork", "--kill-child", "sleep", "infinity"]
        )
        self.pids[""] = outer
        for words in ("link set lo up", "link add br0 type bridge", "link set br0 up"):
            self._ip(words)
        self._ip(f"addr add {NETWORK}.1/24 dev br0")
        for name in self.names:
            self._start_host(name)

    def run(self, name: str, *words: str) -> str:
        """Run a command on a host, and return its output. Raises AssertionError if it fails.

        The name "" means beside the hosts: in their network, with the files of this machine.
        """
        flags = ENTER if name else ("--net",)
        argv = ["nsenter", f"--target={self.pids[name]}", *flags, *words]
        result = subprocess.run(argv, env=CLEAN, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{name}: {words}: {result.stdout}{result.stderr}"[-3000:]
        return result.stdout

    def stop(self) -> None:
        """End the hosts with all their processes."""
        for child in reversed(self._children):
            child.kill()
            child.wait()

    def _start_host(self, name: str) -> None:
        """Make a host, and join it to the bridge."""
        folder = self.root / name
        for part in ("upper", "work", "root"):
            (folder / part).mkdir(parents=True)
        hosts = [f"{self.address(other)} {other}.{DOMAIN}" for other in self.names]
        lines = ["127.0.0.1 localhost", f"127.0.1.1 {name}", *hosts]
        names = "".join(f"{line}\\n" for line in lines)
        script = INIT.format(folder=folder, repository=REPOSITORY, names=names, name=name)
        flags = ["--net", "--pid", "--mount", "--uts", "--fork", "--kill-child"]
        pid = self._spawn(["unshare", *flags, "bash", "-c", script])
        self.pids[name] = pid
        self._ip(f"link add v{name} type veth peer name eth0 netns {pid}")
        self._ip(f"link set v{name} master br0 up")
        inside = (
            f"ip link set lo up; ip addr add {self.address(name)}/24 dev eth0; ip link set eth0 up;"
        )
        inside += f"ip route add default via {NETWORK}.1"
        subprocess.run(["nsenter", f"--target={pid}", "--net", "sh", "-ec", inside], check=True)
        self._wait_until_it_runs(name)

    def _wait_until_it_runs(self, name: str) -> None:
        """Wait until the script that prepares the host has become `sleep infinity`. Raises AssertionError if not."""
        deadline = time.monotonic() + PATIENCE
        while Path(f"/proc/{self.pids[name]}/cmdline").read_bytes() != FIRST_PROCESS:
            assert time.monotonic() < deadline, f"{name} does not start"
            time.sleep(0.05)

    def _ip(self, words: str) -> None:
        """Run `ip` in the namespace of the bridge."""
        argv = ["nsenter", f"--target={self.pids['']}", "--net", "ip", *words.split()]
        subprocess.run(argv, check=True)

    def _spawn(self, argv: list[str]) -> int:
        """Start `unshare`, and return the id of the process that it forked. Raises AssertionError if there is none."""
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        self._children.append(child)
        path = Path(f"/proc/{child.pid}/task/{child.pid}/children")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(OSError):
                if numbers := path.read_text().split():
                    return int(numbers[0])
            time.sleep(0.05)
        raise AssertionError(f"{argv} does not start (root? uid {os.geteuid()})")
