"""What judges the listeners finds every kind of wrong."""

from __future__ import annotations

import pytest

from tests.faults.crowd import check_listener
from tests.faults.listeners import LAST_STEP, Heard, Spell

_LOG = [
    Heard("a", "create", 0, 11),
    Heard("b", "create", 0, 12),
    Heard("a", "update", 1, 14),
    Heard("b", "delete", 0, 15),
    Heard("z", "create", LAST_STEP, 16),
]
_BARE = [one._replace(n=0) for one in _LOG]


@pytest.mark.parametrize("resumes", [True, False])
def test_whole_logs_are_right(resumes: bool) -> None:
    """Over one connection, with and without positions."""
    check_listener([Spell(10, True, _LOG)], _LOG, resumes=resumes)
    check_listener([Spell(10, False, _BARE)], _LOG, resumes=resumes)


def test_a_resumed_log_is_right_without_a_gap_only() -> None:
    """Two connections that make up the whole; the second begins where the first ended."""
    check_listener([Spell(10, True, _LOG[:2]), Spell(12, True, _LOG[2:])], _LOG, resumes=True)
    with pytest.raises(AssertionError, match="lost"):
        check_listener([Spell(10, True, _LOG[:2]), Spell(14, True, _LOG[3:])], _LOG, resumes=True)


def test_a_gap_between_connections_is_right_for_those_that_do_not_resume() -> None:
    """They know: their connection ended."""
    spells = [Spell(10, True, _LOG[:1]), Spell(14, True, _LOG[3:])]
    check_listener(spells, _LOG, resumes=False)


@pytest.mark.parametrize(
    "spells",
    [
        [Spell(10, True, [*_LOG[:2], *_LOG[3:]])],
        [Spell(10, True, [_LOG[1], _LOG[0], *_LOG[2:]])],
        [Spell(10, True, [*_LOG[:2], _LOG[1], *_LOG[2:]])],
        [Spell(10, True, _LOG[:2]), Spell(11, True, _LOG[1:])],
        [Spell(10, True, _LOG[:4])],
        [Spell(10, True, _LOG[1:])],
        [Spell(10, False, _BARE[1:])],
        [Spell(10, True, [_LOG[0]._replace(n=12), *_LOG[1:]])],
        [Spell(10, True, [Heard("c", "create", 0, 11), *_LOG[1:]])],
    ],
    ids=[
        "lost",
        "out of order",
        "doubled",
        "doubled by a resume",
        "the end is lost",
        "the beginning is lost",
        "the beginning is lost without positions",
        "a wrong position",
        "invented",
    ],
)
@pytest.mark.parametrize("resumes", [True, False])
def test_every_wrong_is_found(spells: list[Spell], resumes: bool) -> None:
    """Whether or not the listener resumes."""
    with pytest.raises(AssertionError):
        check_listener(spells, _LOG, resumes=resumes)
