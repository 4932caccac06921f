"""Passwords: hashing in threads, the same time for nobody, and a bound. `worker.auth.turns`."""

from __future__ import annotations

import asyncio

import bcrypt

from shared import passwords
from shared.errors import Kind, QuillError
from shared.limits import PASSWORDS_WAITING_MAX
from worker.auth.passwords import PasswordPool
from worker.auth.turns import LoginTurns


def test_a_hash_holds_for_its_password_only() -> None:
    """Salted, in PHC form, with OWASP's parameters."""
    stored = passwords.hash_password("secret")

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored != passwords.hash_password("secret")
    assert passwords.verify_password(stored, "secret")
    assert not passwords.verify_password(stored, "Secret")
    assert not passwords.verify_password("no hash", "secret")


def test_what_bcrypt_would_cut_off_is_another_password() -> None:
    """Too long, or with a NUL: verified like any other, and never right."""
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    empty = bcrypt.hashpw(b"", bcrypt.gensalt(4)).decode()
    assert passwords.verify_password(stored, "x" * 72)
    for odd in ("x" * 73, "\0", "x\0"):
        assert not passwords.verify_password(stored, odd)
        assert not passwords.verify_password(empty, odd)
    assert not passwords.verify_password("$2a$10$broken", "x")


def test_nobodys_hash_costs_the_same() -> None:
    """It has today's parameters, so that an unknown user takes as long as a known one."""
    assert not passwords._HASHER.check_needs_rehash(passwords.UNKNOWN_USER_HASH)
    assert not passwords.verify_password(passwords.UNKNOWN_USER_HASH, "")


def test_the_pool_hashes_and_verifies() -> None:
    """None stands for a user that does not exist."""

    async def scenario() -> list[bool]:
        pool = PasswordPool()
        stored = await pool.hash("secret")
        found = [
            await pool.verify(stored, "secret"),
            await pool.verify(stored, "wrong"),
            await pool.verify(None, "secret"),
        ]
        pool.close()
        return found

    assert asyncio.run(scenario()) == [True, False, False]


def test_a_full_pool_refuses_at_once() -> None:
    """The queue is bounded; what is refused was not begun."""

    async def scenario() -> list[object]:
        pool = PasswordPool()
        waiting = [
            asyncio.create_task(pool.verify("no hash", "x"))
            for _ in range(PASSWORDS_WAITING_MAX + 3)
        ]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        pool.close()
        return [result for result in results if isinstance(result, QuillError)]

    refused = asyncio.run(scenario())
    assert len(refused) == 3
    assert all(isinstance(e, QuillError) and e.kind is Kind.UNAVAILABLE for e in refused)


def test_turns_are_taken_one_after_another_by_key() -> None:
    """Two logins of one identity do not overlap; others do not wait for them."""

    async def scenario() -> list[str]:
        turns, log = LoginTurns(), []

        async def login(key: str, name: str) -> None:
            async with turns.turn(key):
                log.append(f"{name} in")
                await asyncio.sleep(0)
                log.append(f"{name} out")

        await asyncio.gather(login("a", "1"), login("a", "2"), login("b", "3"))
        assert not turns._locks
        return log

    log = asyncio.run(scenario())
    assert log.index("2 in") > log.index("1 out")
    assert log.index("3 in") < log.index("1 out")


def test_too_many_turns_are_refused() -> None:
    """A flood for one identity does not gather without a bound."""

    async def scenario() -> int:
        turns = LoginTurns()

        async def login() -> None:
            async with turns.turn("a"):
                await asyncio.sleep(0)

        logins = [login() for _ in range(PASSWORDS_WAITING_MAX + 5)]
        results = await asyncio.gather(*logins, return_exceptions=True)
        return sum(isinstance(result, QuillError) for result in results)

    assert asyncio.run(scenario()) == 5


def test_a_hash_that_costs_too_much_is_never_tried() -> None:
    """It says its cost itself: one from a stranger's file could hold up every login."""
    stored = passwords.hash_password("secret")
    assert passwords.is_bearable(stored)
    assert not passwords.verify_password(stored.replace("m=19456", "m=99999999"), "secret")
    assert not passwords.verify_password("$2a$31$" + "." * 53, "secret")
