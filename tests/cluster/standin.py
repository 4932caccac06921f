"""Small stand-ins for the writer and a worker, which tests can make fail in chosen ways.

`python -P -m tests.cluster.standin NAME RUN_DIR` with STANDIN_DIR naming a folder of wishes:
`NAME.crash` (end before ready), `NAME.refuse` (refuse), `NAME.once` (end once, right after ready).
`NAME.hold` (not ready as long as it is there). `pending` makes the writer ask for a preparation.
A worker answers each connection with its pid; it drains at SIGTERM, unless `NAME.stubborn` exists.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path

from shared.limits import WRITER_BEAT_SECONDS
from shared.parent_death import die_with_parent
from shared.run_directory import RunDirectory
from shared.status_page import StatusPage


def main(name: str, run: RunDirectory) -> int:
    """Be that process until SIGTERM."""
    die_with_parent()
    wishes = Path(os.environ["STANDIN_DIR"])
    if (wishes / f"{name}.crash").exists():
        return 3
    if (wishes / f"{name}.refuse").exists():
        _say({"error": "the test said so"})
        return 1
    while (wishes / f"{name}.hold").exists():
        time.sleep(0.01)
    if name == "prepare":
        _say({"ready": True})
        return 0
    stop, theirs = socket.socketpair()
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno())
    signal.signal(signal.SIGTERM, lambda *_: None)
    listeners = [
        socket.socket(fileno=int(number))
        for number in os.environ.get("QUILL_LISTEN_FDS", "").split(",")
        if number
    ]
    if name == "writer":
        os.fstat(int(os.environ["QUILL_LOCK_FD"]))
        StatusPage.open(run.status_page).beat()
        pending = ["the test said so"] if (wishes / "pending").exists() else []
        superusers = 1 if (wishes / "superuser").exists() else 0
        _say({"ready": True, "superusers": superusers, "pending": pending})
    else:
        while not StatusPage.open(run.status_page).prepared:
            time.sleep(0.01)
        _say({"ready": True})
    with contextlib.suppress(FileNotFoundError):
        (wishes / f"{name}.once").unlink()
        return 4
    return _serve(name, run, wishes, stop, listeners)


def _serve(
    name: str, run: RunDirectory, wishes: Path, stop: socket.socket, listeners: list[socket.socket]
) -> int:
    page = StatusPage.open(run.status_page)
    selector = selectors.DefaultSelector()
    selector.register(stop, selectors.EVENT_READ)
    for listener in listeners:
        selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select(WRITER_BEAT_SECONDS):
            if key.fileobj is stop:
                stop.recv(100)
                if not (wishes / f"{name}.stubborn").exists():
                    return 0
            else:
                assert isinstance(key.fileobj, socket.socket)
                _answer(key.fileobj)
        if name == "writer":
            page.beat()


def _answer(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(1)
            connection.recv(4096)
            body = str(os.getpid()).encode()
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
                % (len(body), body)
            )


def _say(report: dict[str, object]) -> None:
    os.write(int(os.environ["QUILL_READY_FD"]), json.dumps(report).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], RunDirectory(Path(sys.argv[2]))))
