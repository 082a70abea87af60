"""A link between two sites as a TCP stand-in: it can be cut, one way or both, and healed.

A cut link swallows nothing and refuses nothing: bytes wait, as TCP would send them again. What
waits for too long is what makes the ends give up, as in a real network.
"""

from __future__ import annotations

import socket
from threading import Event, Thread


class Cut:
    """A cut is a port on loopback that leads to another one, and can be cut and healed."""

    def __init__(self, port: int, to: int) -> None:
        """`port` 0: any that is free."""
        self.to = to
        self.forth, self.back = Event(), Event()
        self._closed = False
        self.heal()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        self._listener.listen(64)
        Thread(target=self._accept, daemon=True).start()

    def cut(self, *, forth: bool = True, back: bool = True) -> None:
        """Hold what goes there, what comes back, or both."""
        if forth:
            self.forth.clear()
        if back:
            self.back.clear()

    def heal(self) -> None:
        """Let everything through again."""
        self.forth.set()
        self.back.set()

    def close(self) -> None:
        """Take no connection any more."""
        self._closed = True
        self.heal()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self.forth.wait()
        try:
            far = socket.create_connection(("127.0.0.1", self.to), 2)
        except OSError:
            near.close()
            return
        for end in (near, far):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Thread(target=self._pump, args=(near, far, self.forth), daemon=True).start()
        Thread(target=self._pump, args=(far, near, self.back), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, free: Event) -> None:
        """Carry bytes until one end is gone; both are closed then, once the way is free."""
        try:
            while data := source.recv(65536):
                free.wait()
                sink.sendall(data)
        except OSError:
            pass
        free.wait()
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
