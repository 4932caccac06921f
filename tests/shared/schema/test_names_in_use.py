"""Names in use: by whom, in any case of the letters, and no longer when the last one is gone."""

from __future__ import annotations

from shared.schema.collection import Collection
from shared.schema.names_in_use import NamesInUse, index_names


def _collection(own_id: str, name: str, *indexes: str) -> Collection:
    texts = tuple(f"CREATE INDEX `{one}` ON `{name}` (`id`)" for one in indexes)
    return Collection(own_id, name, "base", system=False, fields=(), options={}, indexes=texts)


def test_names_ids_and_indexes_are_told_apart() -> None:
    """One's own do not count where they are left out."""
    names = NamesInUse([_collection("Id1", "Notes", "By_Id")])
    assert index_names(_collection("x", "y", "By_Id")) == {"by_id"}
    for has, name in ((names.has_collection, "NOTES"), (names.has_id, "ID1")):
        assert has(name)
        assert not has(name, but="Id1")
        assert has(name, but="other")
    assert names.has_index("by_ID")
    assert not names.has_index("by_id", but="Id1")
    assert not names.has_collection("id1")
    assert not names.has_id("notes")
    assert not names.has_index("notes")


def test_a_name_is_free_when_the_last_one_is_gone() -> None:
    """Two may be called the same for a while."""
    first, second = _collection("a", "notes", "i"), _collection("b", "Notes", "i")
    names = NamesInUse([first, second])
    assert names.collections("notes") == {"a", "b"}
    names.remove(first)
    assert names.has_collection("notes")
    assert names.has_index("i")
    names.remove(second)
    assert not names.has_collection("notes")
    assert not names.has_index("i")
    assert not names.has_id("a")
    names.remove(second)
    names.add(first)
    assert names.has_collection("notes")
