"""Tokens of `_user`: JWTs signed with the depot's Ed25519 key, which name one user and a purpose.

Nothing of a token is believed before its signature holds. Verifying costs some 100 µs, so the
tokens that held are kept; those that did not are verified again. Only the one algorithm is known
here, whatever a token says of itself, and a token for one purpose is good for no other.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry

from shared import ids
from shared.access.users import id_bytes, id_text
from shared.errors import QuillError
from shared.logs import get_logger
from shared.schema.fields.field import Value
from worker.auth.users.keys import KeyFiles, KeyPair

ALGORITHM: Final = "EdDSA"
CSRF_CHARS: Final = 20
MFA_TOKEN_SECONDS: Final = 120
VERIFY_TOKEN_SECONDS: Final = 24 * 3600
_TOKEN_CHARS_MAX: Final = 4_096
_KEPT: Final = 4_096
_BEARER: Final = "bearer "
_log = get_logger()


class Purpose(enum.IntEnum):
    """What a token is for, as it says itself."""

    AUTH = 1
    MFA = 2
    VERIFY_EMAIL = 5


class UserClaims(NamedTuple):
    """What a token says, all of it true when it was signed.

    `expires`: unix seconds. `email`: of a VERIFY_EMAIL token, the address to be proven.
    """

    user: bytes
    purpose: int
    expires: float
    csrf_token: str
    email: str
    token: str


class AuthToken(NamedTuple):
    """A new auth token and the CSRF token in it."""

    text: str
    csrf_token: str


class _OneAlgorithm(JWSRegistry):
    """Takes the one algorithm and no other."""

    def get_alg(self, name: str) -> Any:
        """The library warns of the algorithm's name, which stands in every token of the dialect."""
        if name != ALGORITHM:
            raise UnsupportedAlgorithmError(f"tokens are signed by {ALGORITHM}")
        return self.algorithms[name]


_registry: Final = _OneAlgorithm()


class UserTokens:
    """Makes and reads tokens under the keys of one depot."""

    def __init__(self, keys: KeyFiles) -> None:
        self._keys = keys
        self._known: dict[str, UserClaims] = {}
        self._told = False

    def auth(self, user: Mapping[str, Value], seconds: int) -> AuthToken:
        """A new auth token of a row of `_user`, good for `seconds`. Raises as `KeyFiles.take`."""
        csrf_token = ids.ALNUM_ALPHABET.text(CSRF_CHARS)
        claims: dict[str, object] = {
            "provider": user.get("provider_id") or 0,
            "email": user.get("email"),
            "username": user.get("username"),
            "csrf_token": csrf_token,
        }
        if user.get("admin"):
            claims["admin"] = True
        if user.get("totp_secret"):
            claims["mfa"] = True
        return AuthToken(self._sign(user, Purpose.AUTH, claims, seconds), csrf_token)

    def mfa(self, user: Mapping[str, Value]) -> str:
        """Says that the first factor of this user's login was right. Raises as `take`."""
        return self._sign(user, Purpose.MFA, {}, MFA_TOKEN_SECONDS)

    def verification(self, user: Mapping[str, Value], address: str) -> str:
        """Is sent to an address, to prove that its mail arrives. Raises as `take`."""
        claims: dict[str, object] = {"email": address}
        return self._sign(user, Purpose.VERIFY_EMAIL, claims, VERIFY_TOKEN_SECONDS)

    def read(self, token: str, purpose: Purpose) -> UserClaims | None:
        """The claims of a live token for this purpose, None for anything else."""
        claims = self._known.get(token)
        if claims is None:
            claims = self._verified(token)
            if claims is None:
                return None
            if len(self._known) >= _KEPT:  # cheaper on each hit than keeping an order
                self._known.clear()
            self._known[token] = claims
        return claims if claims.purpose == purpose and claims.expires > time.time() else None

    def _sign(
        self, user: Mapping[str, Value], purpose: Purpose, claims: dict[str, object], seconds: int
    ) -> str:
        user_id, now = user["id"], int(time.time())
        assert isinstance(user_id, bytes)
        whole = {
            "sub": id_text(user_id), "iat": now, "exp": now + seconds, "type": int(purpose), **claims,
        }  # fmt: skip
        private = self._keys.take().private
        return jwt.encode({"alg": ALGORITHM}, whole, private, registry=_registry)

    def _verified(self, token: str) -> UserClaims | None:
        if len(token) > _TOKEN_CHARS_MAX or token.count(".") != 2 or not token.isascii():
            return None
        try:
            pair = self._keys.find()
        except QuillError as error:
            if not self._told:
                _log.error("tokens of users cannot be read", reason=error.message)
            self._told = True
            return None
        return None if pair is None else _decoded(pair, token)


def bearer(header: str | None) -> str:
    """The token of an Authorization header, "" for none. The word before it may be missing."""
    if not header:
        return ""
    return (header[len(_BEARER) :] if header[: len(_BEARER)].lower() == _BEARER else header).strip()


def _decoded(pair: KeyPair, token: str) -> UserClaims | None:
    try:
        claims = jwt.decode(token, pair.public, registry=_registry).claims
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):  # whatever somebody sends
        return None
    user = claims.get("sub")
    user_id = id_bytes(user) if isinstance(user, str) else None
    purpose, expires = claims.get("type"), claims.get("exp")
    if user_id is None or type(purpose) is not int or type(expires) not in (int, float):
        return None
    csrf_token, email = (str(claims.get(name) or "") for name in ("csrf_token", "email"))
    return UserClaims(user_id, purpose, float(str(expires)), csrf_token, email, token)
