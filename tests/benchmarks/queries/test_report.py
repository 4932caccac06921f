"""What the report of the queries says, and when it complains."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from rich.console import Console

from benchmarks.connection import Answer
from benchmarks.queries import report
from benchmarks.queries.growth import Growth
from benchmarks.queries.runner import Figures
from benchmarks.queries.scenario import expanded, total
from benchmarks.queries.scenarios import NAMES


def _found(p50: float = 3.0, rate: float = 1000.0, limit: float | None = 60.0) -> Figures:
    return Figures(
        "multi_all", "multi", 300, p50, p50, 900, rate, 800.0, limit, 2470.0, 339.0, 100.0
    )


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (_found(), ""),
        (_found(p50=61), "multi_all: p50 is 61.0 ms, above 60"),
        (_found(p50=61, limit=None), ""),
        (_found(rate=10), "multi_all: 25 times faster, not 100"),
    ],
)
def test_a_broken_limit_is_named(row: Figures, complaint: str) -> None:
    """A median above its limit, and too small a gain over the published figure."""
    assert row.broken == complaint
    assert report.QueryReport(100, 2, [row]).broken() == ([complaint] if complaint else [])


def test_growth_has_a_limit() -> None:
    """1.3 times the time of the small table."""
    assert not Growth("list", 10, 1000, 1.0, 1.29).broken
    assert "1.31 times" in Growth("list", 10, 1000, 1.0, 1.31).broken


def test_the_report_is_written_and_printed(tmp_path: Path) -> None:
    """JSON with all figures, a page with the table, and the same printed."""
    made = report.QueryReport(100, 2, [_found(p50=61)], [Growth("grown", 10, 1000, 1.0, 1.5)])
    made.describe()
    stored = orjson.loads(report.write(made, tmp_path).read_bytes())
    assert stored["rows"][0]["p50_ms"] == 61
    assert len(stored["broken"]) == 2
    page = (tmp_path / "queries-2-workers.md").read_text()
    assert (
        "| multi | 61.00 | 61.00 | 60 | 1,000 | 800 | 2,470.0 (339.0) | 2,470.0 (339.0) |" in page
    )
    assert "| grown | 10 | 1.00 | 1,000 | 1.50 | 1.50 | 1.3 |" in page
    with (tmp_path / "out").open("w") as out:
        report.show(made, Console(file=out))
    assert "limit broken: multi_all" in (tmp_path / "out").read_text()


def test_answers_are_judged() -> None:
    """A wrong total, a short page and an expansion that is not there do not pass."""

    def page(items: list[dict[str, object]], count: int) -> Answer:
        return Answer(200, orjson.dumps({"items": items, "totalItems": count}), {})

    assert total(2)(page([{}, {}], 2)) == ""
    assert "totalItems" in total(2)(page([{}, {}], 3))
    assert "items" in total(2)(page([{}], 2))
    author: dict[str, object] = {"expand": {"author": {"expand": {"tags": [{"id": "x"}]}}}}
    assert expanded("author", "tags")(page([author, {}], 2)) == ""
    assert expanded("author", "teams")(page([author, {}], 2))


def test_the_names_are_unique() -> None:
    """`--only` picks one query."""
    assert len(NAMES) == len(set(NAMES)) > 20
