"""What the kernel says about connections and memory."""

from __future__ import annotations

import mmap
import socket

from worker.http.traffic import received_bytes, resident_bytes


def test_received_bytes_are_counted_by_peer() -> None:
    """Read by us or not; a unix socket has no such count, and is left out."""
    here, there = socket.socketpair()
    with here, there, socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname()) as client:
            served, peer = listening.accept()
            with served:
                assert received_bytes()[peer] == 0
                client.sendall(b"x" * 10_000)
                served.recv(1, socket.MSG_PEEK)
                assert 0 < received_bytes()[peer] <= 10_000
        assert peer not in received_bytes()


def test_a_process_knows_its_size() -> None:
    """It grows by what is held: by new pages, since a freed block could be handed out again."""
    before = resident_bytes()
    with mmap.mmap(-1, 50_000_000) as held:
        held.write(b"x" * len(held))
        assert resident_bytes() - before > 40_000_000
