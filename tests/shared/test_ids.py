"""Ids and random texts."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids


def test_record_ids_are_well_formed_and_unique() -> None:
    """Fifteen characters of a-z and 0-9, none twice in a hundred thousand."""
    made = [ids.record_id() for _ in range(100_000)]

    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"[a-z0-9]{15}", one) for one in made[:1000])


def test_token_keys_are_well_formed() -> None:
    """Fifty letters and digits."""
    assert re.fullmatch(r"[A-Za-z0-9]{50}", ids.token_key())


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=128), st.integers(0, 300))
def test_an_alphabet_uses_only_its_characters(chars: str, length: int) -> None:
    """Any distinct ASCII characters make an alphabet, and texts have the length asked for."""
    alphabet = ids.Alphabet("".join(set(chars)))

    text = alphabet.text(length)

    assert len(text) == length
    assert set(text) <= set(chars)


def test_characters_are_equally_likely() -> None:
    """No character is favoured: with 256 % 36 = 4, plain modulo would favour four by 14 %."""
    seen = Counter("".join(ids.record_id() for _ in range(40_000)))

    expected = 600_000 / 36
    assert all(abs(count - expected) < expected * 0.05 for count in seen.values())


@pytest.mark.parametrize("chars", ["", "aa", "aé"])
def test_an_alphabet_is_distinct_ascii(chars: str) -> None:
    """Nothing else can be drawn from evenly."""
    with pytest.raises(ValueError, match="distinct ASCII"):
        ids.Alphabet(chars)


def test_ids_of_names_are_those_the_sdks_know() -> None:
    """The checksums agree with PocketBase's."""
    assert ids.collection_id("auth", "_superusers") == "pbc_3142635823"
    assert ids.field_id("text", "id") == "text3208210256"
