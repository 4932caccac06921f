"""Settings on the command line and in the environment; the version."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from cluster import VERSION
from cluster.arguments import ArgumentError, build, from_words
from shared.settings import Settings


def test_words_become_settings() -> None:
    """Two words or one with `=`; numbers, lists and empty lists."""
    words = ["--depot", "a b", "--port=0", "--workers", "3"]
    words += ["--trusted-proxies", "10.0.0.0/8,unix", "--cors-origins="]
    assert from_words(words) == Settings(
        depot="a b", port=0, workers=3, trusted_proxies=("10.0.0.0/8", "unix"), cors_origins=()
    )


def test_environment_stands_in_for_a_flag_and_loses_to_it() -> None:
    """QUILL_PORT and --port=…"""
    environment = {"QUILL_PORT": "1234", "QUILL_DEPOT": "there", "QUILL_READY_FD": "3"}
    settings = from_words(["--port=99"], environment)
    assert (settings.port, settings.depot) == (99, "there")


def test_the_second_port_is_off_unless_it_is_named() -> None:
    """A number by flag or environment; 0 is a number, nothing is none."""
    assert from_words([]).realtime_port is None
    assert from_words(["--realtime-port=0"]).realtime_port == 0
    environment = {"QUILL_REALTIME_PORT": "8091"}
    assert from_words([], environment).realtime_port == 8091
    assert from_words(["--realtime-port", "8092"], environment).realtime_port == 8092


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "x"], "--port: "),
        (["--port", "70000"], "--port: "),
        (["--realtime-port", "x"], "--realtime-port: "),
        (["--realtime-port", "65536"], "--realtime-port: "),
        (["--realtime-port="], "--realtime-port: "),
        (["--workers", "-1"], "--workers: "),
        (["--port"], "--port needs a value."),
        (["--nope", "1"], "There is no option --nope."),
        (["serve"], "There is no option serve."),
        (["--log-level", "loud"], "--log-level: "),
    ],
)
def test_wrong_words_are_told_in_a_sentence(words: list[str], message: str) -> None:
    """The option at fault is named."""
    with pytest.raises(ArgumentError) as caught:
        from_words(words)
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith(".")


def test_lists_are_separated_by_commas() -> None:
    """Blanks around the items do not count."""
    assert build({"cors_origins": "https://a.example, https://b.example"}).cors_origins == (
        "https://a.example",
        "https://b.example",
    )


def test_the_version_is_the_projects() -> None:
    """`quillbase version` and /metrics tell what pyproject.toml says."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
