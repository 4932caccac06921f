"""The query of a list: what clients write comes back as a tree, and slips are refused."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Kind, QuillError
from shared.language.expression import Join
from shared.language.filter_tree import Compare, Junction, Operator, Tree
from shared.language.list_ask import ListAsk, OrderBy
from shared.limits import LIST_COLUMNS_MAX, LIST_PARAMETERS_MAX, LIST_QUERY_BYTES_MAX
from tests.worker.wire.trailbase.written_query import parameters
from worker.wire.trailbase.query import read_query

NAMES = st.text(
    st.characters(exclude_characters="[]", codec="utf-8"), min_size=1, max_size=5
).filter(lambda name: name[0] not in "$@")
COMPARISONS = st.builds(Compare, NAMES, st.sampled_from(tuple(Operator)), st.text(max_size=5))
# Four brackets a level and three at the end leave room for three levels of junctions.
TREES = st.recursive(
    COMPARISONS,
    lambda parts: st.builds(
        Junction, st.sampled_from(tuple(Join)), st.lists(parts, min_size=1, max_size=3).map(tuple)
    ),
    max_leaves=6,
)


def depth(tree: Tree) -> int:
    """How many junctions are in each other."""
    return 0 if isinstance(tree, Compare) else 1 + max(map(depth, tree.parts))


def plain(tree: Tree) -> object:
    """What a tree says, whatever the order of its parts and the brackets around one of them."""
    if isinstance(tree, Compare):
        return tree
    parts: list[object] = []
    for part in tree.parts:
        inner = plain(part)
        same = isinstance(inner, tuple) and inner[0] is tree.join
        parts += inner[1] if same and isinstance(inner, tuple) else [inner]
    return parts[0] if len(parts) == 1 else (tree.join, sorted(parts, key=repr))


def one(column: str, operator: str, value: str) -> Compare:
    """A comparison as it is written."""
    return Compare(column, Operator(operator), value)


@given(st.lists(TREES.filter(lambda tree: depth(tree) <= 3), min_size=1, max_size=1), st.booleans())
def test_a_filter_comes_back_as_it_was_written(trees: list[Tree], encoded: bool) -> None:
    """With its keys encoded, as browsers do, or with bare brackets and `%20` for a blank."""
    pairs = [pair for tree in trees for pair in parameters(tree)]
    text = urlencode(pairs) if encoded else urlencode(pairs, safe="[]$@", quote_via=quote)
    found = read_query(text)
    assert found.filter is not None
    assert plain(found.filter) == plain(Junction(Join.ALL, tuple(trees)))
    assert found == read_query(text.encode())


@given(st.text(max_size=40) | st.binary(max_size=40) | st.text("filter[$and]0=&%5B", max_size=40))
def test_nothing_but_a_refusal_comes_of_any_text(raw: str | bytes) -> None:
    """Whatever somebody sends."""
    with suppress(QuillError):
        assert isinstance(read_query(raw), ListAsk)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "&",
        "&&",
        "a=b",
        "limit=",
        "order=&expand=&cursor=&geojson=",
        "count=0",
        "ws=true",
        "=",
        "%3D=1",
    ],
)
def test_what_is_absent_or_unknown_asks_for_nothing(raw: str) -> None:
    """Addresses may carry more than ours."""
    assert read_query(raw) == ListAsk()


def test_everything_that_a_list_can_be_asked() -> None:
    """As the client writes it."""
    raw = (
        "cursor=abc-_%3D%3D&limit=10&offset=20&order=-a%2C%2Bb,c,+d&count=true&expand=x%2Cy+z"
        "&filter%5Bcol%5D%5B%24like%5D=%25a+b%25&geojson=geom&skip_cursor=1"
    )
    assert read_query(raw) == ListAsk(
        limit=10,
        cursor="abc-_==",
        offset=20,
        count=True,
        order=(OrderBy("a", descending=True), OrderBy("b"), OrderBy("c"), OrderBy("d")),
        expand=("x", "y z"),
        filter=one("col", "$like", "%a b%"),
        geojson="geom",
        skip_cursor=True,
    )


def test_conditions_on_one_level_hold_together() -> None:
    """Columns, operators of one column, and the same asked twice; nothing is dropped."""
    raw = "filter[a][$gte]=1&filter[b]=&filter[a][$lt]=5&filter[a]=x&filter[a]=y"
    assert read_query(raw).filter == Junction(
        Join.ALL,
        (one("a", "$eq", "x"), one("a", "$eq", "y"), one("a", "$gte", "1"), one("a", "$lt", "5"), one("b", "$eq", "")),
    )  # fmt: skip


def test_junctions_nest() -> None:
    """Numbers tell the parts of a sequence apart and say nothing else; `[]` is one more part."""
    raw = (
        "filter[$or][0][a]=1&filter[$or][7][$and][0][b]=2&filter[$or][7][$and][1][c][$is]=NULL"
        "&filter[$or][][d]=3&filter[$or][][d]=4&filter[e]=5&filter[$or][0][f]=6"
    )
    both = Junction(Join.ALL, (one("b", "$eq", "2"), one("c", "$is", "NULL")))
    first = Junction(Join.ALL, (one("a", "$eq", "1"), one("f", "$eq", "6")))
    either = Junction(Join.ANY, (first, both, one("d", "$eq", "3"), one("d", "$eq", "4")))
    assert read_query(raw).filter == Junction(Join.ALL, (either, one("e", "$eq", "5")))


@pytest.mark.parametrize(
    "raw",
    [
        "filter=a", "filter", "filter[]=1", "filter[a=1", "filter[a]b=1", "filter]a[=1", "filter[a]]=1",
        "filter[[a]]=1", "[a]=1", "fliter[a]=1", "a[$gt]=1", "limit[0]=1", "filter[a][gt]=1",
        "filter[a][$not]=1", "filter[$not][a]=1", "filter[a][$gt][0]=1", "filter[a][]=1", "filter[a][0]=1",
        "filter[$and]=1", "filter[$and][a]=1", "filter[$and][0]=1", "filter[$and][x][a]=1",
        "filter[$or][-1][a]=1", "filter[$or][0][$gt]=1", "filter[$gt]=1", "filter[@within]=1",
        "filter[$and][1000000000][a]=1",
        "limit=-1", "limit=x", "limit=1.5", "limit=1e3", "limit=%D9%A3", "limit=1&limit=1", "limit=9999999999999999999",
        "offset=-1", "offset=+1", "count=yes", "count=True", "skip_cursor=2", "order=a,", "order=-", "order=,a",
        "order=a,b,c,d,e,f", "expand=a,b,c,d,e,f", "expand=a,,b", "order=a&order=b",
        "%ff=1", "cursor=%ff", "filter[%C3]=1",
    ],
)  # fmt: skip
def test_a_slip_is_refused(raw: str) -> None:
    """A filter that is not understood must not become a list of everything."""
    with pytest.raises(QuillError, match="Invalid query") as refused:
        read_query(raw)
    assert refused.value.kind is Kind.INVALID


def test_filters_are_no_deeper_than_they_need_be() -> None:
    """Nine brackets: four levels of junctions, and a column."""
    level = "[$and][0]"
    assert read_query(f"filter{level * 4}[a]=1").filter == one("a", "$eq", "1")
    for key in (f"filter{level * 4}[a][$gt]", f"filter{level * 5}[a]", f"filter{level * 500}[a]"):
        with pytest.raises(QuillError, match="brackets"):
            read_query(f"{key}=1")


def test_a_query_is_bounded() -> None:
    """By its bytes, its parameters, and the columns of its lists."""
    assert read_query(b"a=" + b"x" * (LIST_QUERY_BYTES_MAX - 2)) == ListAsk()
    for raw in (b"a=" + b"x" * LIST_QUERY_BYTES_MAX, "a=1&" * (LIST_PARAMETERS_MAX + 1)):
        with pytest.raises(QuillError, match="than"):
            read_query(raw)
    names = ",".join("abcdefgh"[:LIST_COLUMNS_MAX])
    assert len(read_query(f"order={names}&expand={names}").expand) == LIST_COLUMNS_MAX
