"""Scripts for wrk and the figures it prints."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import wrk
from benchmarks.scenario import SCENARIOS, Scenario


def test_a_constant_request_is_formatted_once() -> None:
    """Without holes there is no Lua call a request."""
    scenario = Scenario("one", "one", "/a?b=%20", body='{"x": "\\n"}', method="POST")
    lua = wrk.script(scenario, {"Authorization": "t"})
    assert "function request" not in lua
    assert 'wrk.path = "/a?b=%20"' in lua
    assert 'wrk.headers["Authorization"] = "t"' in lua
    assert "\\123" not in lua  # a brace needs no escape
    assert 'wrk.body = "{\\034x\\034: \\034\\092n\\034}"' in lua


def test_holes_are_filled_by_the_script() -> None:
    """A random id and a number are put in for each request."""
    lua = wrk.script(Scenario("one", "one", "/x/{id}", body="{n}"), {})
    assert "function request" in lua
    assert 'local path_template = "/x/{id}"' in lua
    assert '"r%014d", math.random(0, 9999)' in lua


def test_figures_are_read() -> None:
    """The line that the script prints, among wrk's own."""
    output = (
        "Running 1s test\n"
        'QUILL {"requests":1000,"microseconds":2000000,"p50":1500,"p99":9000,"status":3,"socket":4}'
    )
    load = wrk.read(output)
    assert load.rate == 500
    assert (load.p50_ms, load.p99_ms) == (1.5, 9.0)
    assert load.errors == 7


def test_missing_figures_are_an_error() -> None:
    """What wrk complained about is told."""
    with pytest.raises(wrk.WrkError, match="unable to connect"):
        wrk.read("", "unable to connect to 127.0.0.1")


def test_wrk_runs_every_script(tmp_path: Path) -> None:
    """wrk accepts each script; with nobody listening it says that it cannot connect."""
    if not shutil.which("wrk"):
        pytest.skip("wrk is not installed: run `make tools`")
    for scenario in SCENARIOS:
        with pytest.raises(wrk.WrkError, match="unable to connect"):
            wrk.run(
                "http://127.0.0.1:1",
                scenario,
                {},
                seconds=1,
                connections=2,
                threads=1,
                folder=tmp_path,
            )
