"""Who is calling: the peer's address, or what proxies that the operator trusts say about it.

X-Forwarded-For is read from the right: each trusted hop vouches for the one before it, and the
first address that is no trusted proxy is the client. What stands further left was written by the
client itself and is never believed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

_UNIX = "unix"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ProxyTrust:
    """`settings.trusted_proxies`, made ready for comparing.

    Raises ValueError for an entry that is neither `unix` nor an address or network.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        entries = list(trusted)
        self._unix = _UNIX in entries
        self._networks: list[Network] = [
            ipaddress.ip_network(entry, strict=False) for entry in entries if entry != _UNIX
        ]

    def client_ip(self, scope: Mapping[str, Any], forwarded: list[str]) -> str:
        """Address of the client; "" over a unix socket whose proxy does not say it."""
        peer = _peer(scope)
        if not forwarded or not self._peer_trusted(peer):
            return peer
        client = peer
        for text in reversed(",".join(forwarded).split(",")):
            address = _address(text)
            if address is None:
                break  # a hop that cannot be read vouches for nobody
            client = str(address)
            if not self._trusted(address):
                break
        return client

    def is_loopback(self, scope: Mapping[str, Any], forwarded: list[str]) -> bool:
        """The client is on this machine.

        A request that came through any proxy we do not trust is not: the proxy may be local while
        its client is not.
        """
        peer = _peer(scope)
        if forwarded and not self._peer_trusted(peer):
            return False
        address = _address(self.client_ip(scope, forwarded))
        return address is not None and address.is_loopback

    def _peer_trusted(self, peer: str) -> bool:
        if not peer:
            return self._unix
        address = _address(peer)
        return address is not None and self._trusted(address)

    def _trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _peer(scope: Mapping[str, Any]) -> str:
    """Address of the other end; "" for a unix socket."""
    client = scope.get("client")
    if not client or not client[0]:
        return ""
    address = _address(client[0])
    return str(address) if address is not None else ""


def _address(text: str) -> Address | None:
    """Read an address, also as `[v6]:port` or `v4:port`; v4-mapped v6 counts as v4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
