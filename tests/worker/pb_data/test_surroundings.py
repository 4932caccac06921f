"""Collections around the one that is read: a catalog of any moment says the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from worker.pb_data.surroundings import Surroundings

_IDS = st.sampled_from("abc")
_NAMES = st.sampled_from(["a", "B", "one", "ONE", "two"])
_STEPS = st.lists(st.tuples(_IDS, st.none() | _NAMES), max_size=12)


def _collection(own_id: str, name: str) -> Collection:
    return Collection(own_id, name, "base", system=False, fields=(), options={})


@given(steps=_STEPS)
def test_it_says_what_a_catalog_says(steps: list[tuple[str, str | None]]) -> None:
    """Whatever was put and dropped before; of several of one name, one is found."""
    around = Surroundings([])
    known: dict[str, Collection] = {}
    for own_id, name in steps:
        known.pop(own_id, None)
        if name is None:
            around.drop(own_id)
        else:
            known[own_id] = _collection(own_id, name)
            around.put(known[own_id])
        catalog = Catalog(0, known.values())
        assert set(around.all()) == set(catalog.all())
        for asked in ("a", "A", "b", "B", "c", "one", "One", "ONE", "two", "none"):
            assert around.by_id(asked) == catalog.by_id(asked)
            found, expected = around.find(asked), catalog.find(asked)
            assert (found is None) == (expected is None)
            if found is not None and expected is not None and found != expected:
                assert found.name.lower() == expected.name.lower() == asked.lower()
            assert around.names.has_collection(asked) == catalog.names.has_collection(asked)
            assert around.names.has_id(asked) == catalog.names.has_id(asked)
