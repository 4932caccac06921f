"""From rounds to rows to a page: medians, ratios, JSON and markdown; foreign targets."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from benchmarks import foreign_target, measure, report
from benchmarks.dataset import FIELDS, ROWS, collections, draft, row, rows
from benchmarks.measure import Method, Round, Row
from benchmarks.scenario import SCENARIOS
from benchmarks.target import Idle, TargetError
from benchmarks.wrk import Load

EXAMPLE = Path(report.__file__).parent / "targets" / "example.toml"


def _round(cpu_us: float, errors: int = 0) -> Round:
    return Round(Load(1000, 1.0, 2.0, 5.0, errors, 0), cpu_us, 1 << 20)


def _rows() -> list[Row]:
    ours = [_round(60), _round(90, 2), _round(66)]
    bare = [_round(50), _round(45), _round(66)]
    return [
        measure._row("quillbase", SCENARIOS[1], ours, bare),
        measure._row("bare", SCENARIOS[1], bare, bare),
    ]


def test_rows_hold_medians_and_all_errors() -> None:
    """The median round decides, the extremes are told, no error is lost."""
    ours, bare = _rows()
    assert (ours.cpu_us, ours.cpu_us_min, ours.cpu_us_max) == (66, 60, 90)
    assert ours.errors == 2
    assert bare.cpu_us == 50


def test_the_ratio_is_to_bare_in_the_same_pair_of_rounds() -> None:
    """The median of 1.2, 2.0 and 1.0; bare has none itself; without bare nobody has one."""
    ours, bare = _rows()
    assert ours.ratio == pytest.approx(1.2)
    assert bare.ratio is None
    assert measure._row("quillbase", SCENARIOS[1], [_round(60)], []).ratio is None


def test_a_report_is_written_and_rendered(tmp_path: Path) -> None:
    """JSON with machine, versions and date, and a markdown page with the same figures."""
    found = report.Report(Method(), _rows(), {"quillbase": Idle(0.8, 1 << 27, {"writer": 1 << 25})})
    found.describe()
    stored = orjson.loads(report.write(found, tmp_path).read_bytes())
    assert stored["rows"][0]["ratio"] == pytest.approx(1.2)
    assert stored["machine"]["cores"] >= 1
    assert stored["versions"]["apsw"] != "?"
    page = (tmp_path / f"{Method().workers}-workers.md").read_text()
    assert (
        "| get one of 10k | quillbase | 1,000 | 2.00 | 5.00 | 2 | 66.0 (60-90) | 1.20 | 1 |" in page
    )
    assert "idle PSS 128 MB (writer 32); first answer 0.80 s" in page


def test_the_table_is_printed(tmp_path: Path) -> None:
    """Nothing is cut off, also where the output is no terminal."""
    with (tmp_path / "out").open("w") as out:
        report.show(report.Report(Method(), _rows()), Console(file=out))
    assert "66.0 (60-90)" in (tmp_path / "out").read_text()


def test_the_example_target_covers_every_scenario() -> None:
    """The documented file is valid, and sends what we send ourselves."""
    file = foreign_target.read(EXAMPLE.read_text())
    target = foreign_target.ForeignTarget(file)
    assert [each.name for each in target.scenarios] == [each.name for each in SCENARIOS]
    for theirs, ours in zip(target.scenarios, SCENARIOS, strict=True):
        assert (theirs.method, theirs.path) == (ours.method, ours.path)


@pytest.mark.parametrize(
    "text",
    [
        "name = 1",
        'name = "x"',
        'name = "x"\nbase_url = "http://x"\nunknown = 1',
        'name = "x"\nbase_url = "http://x"\n[scenarios.dance]\npath = "/"',
        "[[",
    ],
)
def test_a_wrong_target_file_is_refused(text: str) -> None:
    """With the reason, before anything is started."""
    with pytest.raises(TargetError, match="target file"):
        foreign_target.read(text)


def test_foreign_processes_are_named_by_pid_or_pattern() -> None:
    """Both at once, each once."""
    text = f'name = "x"\nbase_url = "http://x"\npids = [{os.getpid()}]\nprocesses = ["no such one"]'
    assert foreign_target.ForeignTarget(foreign_target.read(text)).pids() == [os.getpid()]


def test_the_dataset_is_what_it_says() -> None:
    """Same rows each time, about 220 bytes, unique ids, groups of one size."""
    posts = rows()
    assert len({post["id"] for post in posts}) == ROWS
    assert posts[4321] == row(4321)
    sizes = [sum(len(str(value)) for value in post.values()) for post in posts[:100]]
    assert 150 < sum(sizes) / len(sizes) < 250
    assert sum(post["category"] == "c07" for post in posts) == 200
    assert set(draft()) == set(FIELDS)
    assert [each["name"] for each in collections()] == ["posts", "drafts"]


def test_checks_refuse_wrong_answers() -> None:
    """An empty list, a foreign record or an unsorted page is not a real answer."""
    checks = {scenario.name: scenario.check for scenario in SCENARIOS}
    assert checks["get"](orjson.dumps(row(1)))
    assert not checks["get"](orjson.dumps(row(4321)))
    assert checks["list"](b'{"items":[]}')
    assert checks["filter_indexed"](b'{"items":[],"totalItems":0}')
    assert checks["create"](orjson.dumps(draft()))
    assert not checks["create"](orjson.dumps({**draft(), "id": "a" * 15}))
