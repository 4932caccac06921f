"""What a person sees on stdout when the cluster is ready, and the one-time link in it.

The link goes to stdout only, never through the logs, and not at all where stdout is a journal.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import msgspec

from shared.limits import SETUP_LINK_SECONDS
from shared.run_directory import RunDirectory

_TOKEN_BYTES = 24


def announce(
    url: str, ops_url: str, depot: str, link: str, *, realtime_url: str, needs_superuser: bool
) -> None:
    """Print where the cluster listens and, when there is none, how to make the first superuser.

    `realtime_url`: of the second port, "" without one.
    """
    lines = [f"Quillbase is ready: {url}", f"Metrics and health:  {ops_url}/metrics"]
    if realtime_url:
        lines.append(f"WebSockets:          {realtime_url}")
    if needs_superuser:
        lines.append("")
        if link:
            lines += [
                "Create the first superuser in a browser on this machine, within 30 minutes:",
                f"  {link}",
                "or with",
            ]
        else:
            lines.append("Create the first superuser with")
        lines.append(f"  quillbase superuser upsert EMAIL PASSWORD --depot {depot}")
    try:
        print("\n".join(lines), flush=True)
    except OSError:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for the rest of the process


def make_setup_link(run: RunDirectory, url: str) -> str:
    """Write the secret of the link for the workers to check, and return the link.

    Empty when stdout goes to a journal: secrets stay out of logs. Empty, too, where `url` is not
    on loopback: the form answers nobody else, so the link could never work.
    """
    if os.environ.get("JOURNAL_STREAM") or os.environ.get("NOTIFY_SOCKET"):
        return ""
    if not _is_loopback(url):
        return ""
    token = os.urandom(_TOKEN_BYTES).hex()  # as `secrets` does, without its imports
    content = msgspec.json.encode(
        {"token": token, "expires": int(time.time() + SETUP_LINK_SECONDS)}
    )
    fresh = run.setup.with_name("setup.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
    fresh.rename(run.setup)
    return f"{url}/_/setup?token={token}"


def _is_loopback(url: str) -> bool:
    """By the host of `url`, which is a loopback address where every interface is listened on."""
    host = url.partition("://")[2].rpartition(":")[0].lower()
    return host in ("localhost", "[::1]") or host.startswith("127.")


def complain(sentence: str) -> None:
    """One sentence for the person who started us, on stderr."""
    print(sentence, file=sys.stderr, flush=True)
