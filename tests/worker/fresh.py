"""A client with a connection of its own, which the kernel hands to any worker."""

from __future__ import annotations

from typing import Any

import httpx


def fresh_client(url: httpx.URL | str, **options: Any) -> httpx.Client:
    """Without certificates, whose loading costs more than the requests."""
    return httpx.Client(base_url=url, timeout=30, verify=False, **options)
