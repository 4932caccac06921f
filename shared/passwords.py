"""Password hashes: Argon2id at OWASP's parameters, in the PHC string format.

Hashes by bcrypt, as imported from other servers, are verified too; a login makes them new.

About 30 ms of CPU a call by design, with the GIL released: servers call this from a small pool of
threads (worker/auth/passwords.py), never from an event loop.
"""

from __future__ import annotations

import re
from typing import Final

import argon2
import bcrypt

from shared.limits import (
    HASH_ARGON2_KIB_MAX,
    HASH_ARGON2_LANES_MAX,
    HASH_ARGON2_PASSES_MAX,
    HASH_BCRYPT_COST_MAX,
)

_HASHER: Final = argon2.PasswordHasher(
    # OWASP Password Storage Cheat Sheet: Argon2id, 19 MiB, 2 iterations, 1 lane.
    time_cost=2,
    memory_cost=19 * 1024,
    parallelism=1,
)

_BCRYPT_BEGINS: Final = ("$2a$", "$2b$", "$2y$")
_BCRYPT_BYTES_MAX: Final = 72
_BCRYPT: Final = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}", re.ASCII)

UNKNOWN_USER_HASH: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$cXVpbGxiYXNlLW5vYm9keQ$"
    "mPzuHxYhj7cd20OYk0i53EO7REPlmqBCp2hFV2eTMwM"
)
"""Well-formed hash under today's parameters that no password is known for. Verifying against it
takes as long as against a real one, so that the time of a login tells nothing."""


def hash_password(password: str) -> str:
    """A salted hash of `password` as a PHC string."""
    return _HASHER.hash(password)


def verify_password(stored: str, password: str) -> bool:
    """Whether `stored` was made of `password`.

    False, too, for what is no hash that we know, and for one that would take too long.
    """
    if not is_bearable(stored):
        return False
    if stored.startswith(_BCRYPT_BEGINS):
        return _verify_bcrypt(stored.encode(), password.encode())
    try:
        return _HASHER.verify(stored, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def is_bearable(stored: str) -> bool:
    """Whether a hash from elsewhere is one that a login can verify in seconds.

    A hash says itself what verifying it costs, so one from a file could stop a server.
    """
    bcrypted = _BCRYPT.fullmatch(stored)
    if bcrypted is not None:
        return int(bcrypted[1]) <= HASH_BCRYPT_COST_MAX
    try:
        found = argon2.extract_parameters(stored)
    except (argon2.exceptions.InvalidHashError, ValueError):
        return False
    return (
        found.type is argon2.Type.ID
        and found.memory_cost <= HASH_ARGON2_KIB_MAX
        and found.time_cost <= HASH_ARGON2_PASSES_MAX
        and found.parallelism <= HASH_ARGON2_LANES_MAX
    )


def needs_rehash(stored: str) -> bool:
    """Whether a hash is of an older kind than those made today."""
    return stored.startswith(_BCRYPT_BEGINS) or _HASHER.check_needs_rehash(stored)


def _verify_bcrypt(stored: bytes, password: bytes) -> bool:
    """Imported hashes. A longer password was never accepted by those who made them.

    It takes as long as any other, since the time would tell that such a hash is there.
    """
    fits = len(password) <= _BCRYPT_BYTES_MAX and b"\0" not in password
    try:
        return bcrypt.checkpw(password if fits else b"", stored) and fits
    except ValueError:  # no hash after all
        return False
