"""systemd's notification protocol, sd_notify(3): one datagram to the socket it names."""

from __future__ import annotations

import contextlib
import os
import socket


class Notifier:
    """Tells systemd how we are; silent when nobody asked."""

    def __init__(self) -> None:
        path = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self.watchdog_seconds = self._watchdog() if path else 0.0
        """How often to say WATCHDOG=1: half of what systemd allows; 0 for never."""

    def tell(self, state: str) -> None:
        """Send `READY=1`, `STOPPING=1` or `WATCHDOG=1`."""
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        ):
            sender.sendto(state.encode(), self._address)

    @staticmethod
    def _watchdog() -> float:
        microseconds = os.environ.get("WATCHDOG_USEC", "")
        for_us = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return int(microseconds) / 2e6 if microseconds.isdigit() and for_us else 0.0
