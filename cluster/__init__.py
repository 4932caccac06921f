"""The supervisor: starts the writer and the workers as programs and keeps them running.

It opens no database and serves no request; it shares only base files with the processes it starts.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
"""The same as in pyproject.toml (a test compares): reading it from the installed package's metadata
costs 50 ms on the way to the first answer."""
