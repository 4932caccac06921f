"""Fixtures of the HTTP tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short path, since unix socket paths are bounded."""
    made = Path(tempfile.mkdtemp(prefix="quill-"))
    yield made
    shutil.rmtree(made)
