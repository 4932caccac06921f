"""What is told of faults of the system: a sentence, with the file that it is about."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from shared.errors import sentence_of


def test_a_fault_of_the_system_is_a_sentence(tmp_path: Path) -> None:
    """It names one file, of two the one that could not be made."""
    here, there = tmp_path / "here", tmp_path / "none/there"
    with pytest.raises(OSError) as opened:  # noqa: PT011 - told below
        here.read_bytes()
    assert sentence_of(opened.value) == f"{here}: No such file or directory."
    here.touch()
    with pytest.raises(OSError) as renamed:  # noqa: PT011
        here.rename(there)
    assert sentence_of(renamed.value) == f"{there}: No such file or directory."
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert sentence_of(full) == "No space left on device."
    assert sentence_of(OSError("words alone")) == "words alone."
