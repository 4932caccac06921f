"""What an operator can set, each declared once: name, type, default and help.

The command line is generated from these fields and `docs/settings.md` is checked against them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one cluster. Travels to the children as `settings.json`."""

    depot: Annotated[str, msgspec.Meta(description="Folder that holds all data.")] = "depot"
    host: Annotated[str, msgspec.Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, msgspec.Meta(description="TCP port for HTTP; 0 picks a free one.", ge=0, le=65535)
    ] = 8090
    realtime_port: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=65535)] | None,
        msgspec.Meta(
            description="A TCP port of its own for WebSockets; 0 picks a free one. Without it they "
            "are served on --port only."
        ),
    ] = None
    ops_port: Annotated[
        int,
        msgspec.Meta(
            description="Port on 127.0.0.1 for /metrics, /healthz and /readyz; 0 picks a free one.",
            ge=0,
            le=65535,
        ),
    ] = 8095
    workers: Annotated[
        int, msgspec.Meta(description="Reading processes; 0 means one a core.", ge=0, le=256)
    ] = 0
    uds_dir: Annotated[
        str,
        msgspec.Meta(description="Folder for a unix socket a worker (w0.sock, …); empty for none."),
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Addresses or networks whose X-Forwarded-For is believed; `unix` means "
            "connections through --uds-dir."
        ),
    ] = ("unix",)
    cors_origins: Annotated[
        tuple[str, ...], msgspec.Meta(description="Origins that browsers may call from.")
    ] = ("*",)
    log_level: Annotated[str, msgspec.Meta(description="debug, info, warning or error.")] = "info"

    @property
    def worker_count(self) -> int:
        """The number of workers that really start."""
        return self.workers or len(os.sched_getaffinity(0))


def load(path: Path) -> Settings:
    """Read `settings.json` of a run directory. Raises msgspec.ValidationError."""
    return msgspec.json.decode(path.read_bytes(), type=Settings)
