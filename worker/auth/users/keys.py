"""The Ed25519 key pair of a depot: two PEM files that are made when a token is first wanted.

Whoever needs them makes them: the private key appears under its name in one step and is never
overwritten, so of several processes that want it at once one wins and all use the same.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final, NamedTuple

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from shared.errors import Kind, QuillError

_CURVE: Final = "Ed25519"
_PRIVATE_MODE: Final = 0o600
_PUBLIC_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o700


class KeyPair(NamedTuple):
    """`private` signs tokens, `public` verifies them."""

    private: OKPKey
    public: OKPKey


class KeyFiles:
    """The pair in the folder `secrets/keys` of a depot."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._private = folder / "private_key.pem"
        self._public = folder / "public_key.pem"
        self._pair: KeyPair | None = None

    def find(self) -> KeyPair | None:
        """The pair where there is one. Raises QuillError INTERNAL for files that hold none."""
        if self._pair is None:
            try:
                pem = self._private.read_bytes()
            except FileNotFoundError:
                return None
            except OSError as error:
                raise _broken(str(error)) from None
            self._pair = _pair_of(pem)
        return self._pair

    def take(self) -> KeyPair:
        """The pair, made now where there is none. Raises QuillError INTERNAL."""
        found = self.find()
        if found is not None:
            return found
        try:
            self._make()
        except OSError as error:
            raise _broken(str(error)) from None
        found = self.find()
        assert found is not None
        return found

    def _make(self) -> None:
        self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        key = OKPKey.generate_key(_CURVE, private=True)
        if not self._place(self._private, key.as_pem(private=True), _PRIVATE_MODE):
            return  # another process has made one: it makes the other file, too
        self._public.unlink(missing_ok=True)
        self._place(self._public, key.as_pem(private=False), _PUBLIC_MODE)

    def _place(self, path: Path, content: bytes, mode: int) -> bool:
        """A whole file under its name, or False where there is one already."""
        beside = self._folder / f".{path.name}.{secrets.token_hex(8)}"
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            return False
        finally:
            beside.unlink()
        return True


def _pair_of(pem: bytes) -> KeyPair:
    try:
        private = OKPKey.import_key(pem)
        if not private.is_private or private.curve_name != _CURVE:
            raise _broken("it holds no private Ed25519 key")
        return KeyPair(private, OKPKey.import_key(private.as_pem(private=False)))
    except (JoseError, ValueError) as error:
        raise _broken(str(error)) from None


def _broken(reason: str) -> QuillError:
    return QuillError(Kind.INTERNAL, f"The key that signs tokens cannot be used: {reason}")
