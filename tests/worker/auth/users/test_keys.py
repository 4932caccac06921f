"""The key pair of a depot: made once, never twice, and readable by its owner alone."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from shared.errors import Kind, QuillError
from worker.auth.users.keys import KeyFiles


def test_the_pair_is_made_at_first_need(tmp_path: Path) -> None:
    """As the PEM files that other tools read, the private one for its owner alone."""
    folder = tmp_path / "secrets" / "keys"
    assert KeyFiles(folder).find() is None
    made = KeyFiles(folder).take()
    private, public = folder / "private_key.pem", folder / "public_key.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert private.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    key = load_pem_private_key(private.read_bytes(), None)
    assert key.public_key() == load_pem_public_key(public.read_bytes())
    found = KeyFiles(folder).find()
    assert found is not None
    assert found.private.as_pem(private=True) == made.private.as_pem(private=True)
    assert sorted(one.name for one in folder.iterdir()) == ["private_key.pem", "public_key.pem"]


def test_those_who_want_it_at_once_have_the_same(tmp_path: Path) -> None:
    """Each as if it were a process of its own."""
    with ThreadPoolExecutor(8) as pool:
        pairs = list(pool.map(lambda _: KeyFiles(tmp_path / "keys").take(), range(8)))
    assert len({pair.private.as_pem(private=True) for pair in pairs}) == 1
    public = pairs[0].private.as_pem(private=False)
    assert (tmp_path / "keys" / "public_key.pem").read_bytes() == public


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_file_that_holds_no_key_is_a_fault_and_stays(tmp_path: Path, content: bytes) -> None:
    """It may be somebody's key that a disk spoilt."""
    file = tmp_path / "private_key.pem"
    file.write_bytes(content)
    with pytest.raises(QuillError) as told:
        KeyFiles(tmp_path).take()
    assert told.value.kind is Kind.INTERNAL
    assert file.read_bytes() == content


def test_a_public_key_signs_nothing(tmp_path: Path) -> None:
    """Files may have been confused."""
    KeyFiles(tmp_path).take()
    (tmp_path / "private_key.pem").write_bytes((tmp_path / "public_key.pem").read_bytes())
    with pytest.raises(QuillError):
        KeyFiles(tmp_path).find()
