"""The listening sockets that outlive workers."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from cluster.refusal import Refusal
from cluster.sockets import Addresses, ListenAddress, SlotSockets, prepare_unix_directory


def test_two_slots_share_a_free_port() -> None:
    """Each has a listening socket of its own on the port that was picked."""
    address = ListenAddress("127.0.0.1", 0)
    slots = [SlotSockets([address], number, "") for number in range(2)]
    for slot in slots:
        slot.open()
        slot.open()
    assert address.port > 0
    assert address.url == f"http://127.0.0.1:{address.port}"
    assert [len(slot.descriptors()) for slot in slots] == [1, 1]
    with socket.create_connection(("127.0.0.1", address.port)):
        pass
    for slot in slots:
        slot.remove()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", address.port))
    address.close()


def test_each_slot_listens_on_every_address() -> None:
    """Of a cluster with two ports, and a slot that cannot have both has none."""
    addresses = Addresses("127.0.0.1", 0, 0)
    assert addresses.realtime is not None
    ports = (addresses.main.port, addresses.realtime.port)
    assert addresses.realtime_url == f"ws://127.0.0.1:{ports[1]}/api/realtime/ws"
    slot = SlotSockets(addresses.all, 0, "")
    slot.open()
    assert len(slot.descriptors()) == 2
    for port in ports:
        with socket.create_connection(("127.0.0.1", port)):
            pass
    slot.remove()
    broken = SlotSockets(addresses.all, 0, "/nowhere/at/all")
    with pytest.raises(OSError, match="No such file"):
        broken.open()
    assert broken.descriptors() == ()
    addresses.close()


def test_without_a_second_port_there_is_one_address() -> None:
    """And when the second one is taken, the first is given back."""
    addresses = Addresses("127.0.0.1", 0, None)
    assert addresses.all == (addresses.main,)
    assert (addresses.url, addresses.realtime_url) == (addresses.main.url, "")
    port = addresses.main.port
    with pytest.raises(Refusal, match=f"Port {port} on"):
        Addresses("127.0.0.1", 0, port)
    addresses.close()
    with pytest.raises(Refusal, match=f"Port {port} on"):
        Addresses("127.0.0.1", port, port)
    ListenAddress("127.0.0.1", port).close()


def test_the_port_is_ours_while_nothing_listens() -> None:
    """Neither a plain bind nor a second cluster gets it, until it is given back."""
    address = ListenAddress("127.0.0.1", 0)
    with pytest.raises(Refusal, match=f"Port {address.port} on 127.0.0.1 cannot be used"):
        ListenAddress("127.0.0.1", address.port)
    port = address.port
    address.close()
    ListenAddress("127.0.0.1", port).close()


def test_a_recently_used_port_is_free_again() -> None:
    """Connections in TIME_WAIT do not refuse a restart."""
    address = ListenAddress("127.0.0.1", 0)
    with address.listen() as listener, socket.create_connection(("127.0.0.1", address.port)) as c:
        listener.setblocking(True)
        served, _ = listener.accept()
        served.close()  # the side that closes first keeps TIME_WAIT
        assert c.recv(1) == b""
    address.close()
    ListenAddress("127.0.0.1", address.port).close()


def test_unknown_hosts_and_ipv6() -> None:
    """Names that do not resolve are told; an IPv6 address is written in brackets."""
    with pytest.raises(Refusal, match=r"The host nowhere\.invalid has no address"):
        ListenAddress("nowhere.invalid", 0)
    if socket.has_ipv6:
        try:
            address = ListenAddress("::1", 0)
        except Refusal:
            pytest.skip("this machine has no IPv6 loopback")
        assert address.url == f"http://[::1]:{address.port}"
        address.close()


def test_a_unix_socket_replaces_what_is_left_over(tmp_path: Path) -> None:
    """Mode 0660, and gone at the end."""
    path = tmp_path / "w3.sock"
    for leftover in (path, tmp_path / "w3.sock.new"):
        leftover.touch()
    address = ListenAddress("127.0.0.1", 0)
    slot = SlotSockets([address], 3, str(tmp_path))
    slot.open()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    slot.remove()
    assert list(tmp_path.iterdir()) == []
    address.close()


def test_an_impossible_unix_folder_is_refused(tmp_path: Path) -> None:
    """A file in its place."""
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match="cannot be made"):
        prepare_unix_directory(str(tmp_path / "file"))
    prepare_unix_directory("")
