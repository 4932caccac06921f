"""The mark of a depot's sources: it moves with each change, and says nothing about secrets."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.config.default_text import DEFAULT_TEXT
from shared.config.problem import ConfigError
from shared.depot.layout import DepotLayout
from shared.depot.sources import overrides, read_sources, sources_digest
from shared.limits import CONFIG_BYTES_MAX


@pytest.fixture
def layout(tmp_path: Path) -> DepotLayout:
    """An empty depot with its folders."""
    depot = DepotLayout(tmp_path)
    depot.secrets.parent.mkdir()
    return depot


def test_nothing_set_has_no_mark(layout: DepotLayout) -> None:
    """No files, and the file of comments that a new depot gets, are the same."""
    assert sources_digest(layout, {}) == ""
    layout.config.write_text(DEFAULT_TEXT)
    assert sources_digest(layout, {"PATH": "/bin", "QUILL_DEPOT": "x"}) == ""
    assert read_sources(layout, {}).digest == ""


def test_the_mark_moves_with_every_change(layout: DepotLayout) -> None:
    """Either file, in place or replaced, and the environment; reading gives the same mark."""
    marks = [sources_digest(layout, {})]
    for path, text in ((layout.config, "a"), (layout.secrets, "b"), (layout.config, "c")):
        path.write_text(text)
        marks.append(sources_digest(layout, {}))
    draft = layout.config.with_name("draft")
    draft.write_text("c")
    draft.replace(layout.config)
    marks.append(sources_digest(layout, {}))
    marks.append(sources_digest(layout, {"QUILL_BATCH_ENABLED": "true"}))
    marks.append(sources_digest(layout, {"QUILL_BATCH_ENABLED": "false"}))
    assert len(set(marks)) == len(marks)
    sources = read_sources(layout, {"QUILL_BATCH_ENABLED": "false", "HOME": "/"})
    assert (sources.config, sources.secrets, sources.digest) == (b"c", b"b", marks[-1])
    assert sources.environment == {"QUILL_BATCH_ENABLED": "false"}


def test_no_secret_is_in_the_mark(layout: DepotLayout) -> None:
    """Whoever has the mark cannot try passwords on it: it is the same for any value."""
    name = "TRAIL_EMAIL_SMTP_PASSWORD"
    assert sources_digest(layout, {name: "one"}) == sources_digest(layout, {name: "two"})
    assert overrides({name: "one"}) == {name: "one"}


def test_a_file_that_is_too_large_is_refused(layout: DepotLayout) -> None:
    """Before it is read."""
    with layout.config.open("wb") as file:
        file.truncate(CONFIG_BYTES_MAX + 1)
    with pytest.raises(ConfigError, match="larger"):
        read_sources(layout, {})


@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        os.mkdir,
        lambda path: path.symlink_to(path),
        lambda path: path.symlink_to("/dev/zero"),
    ],
    ids=["pipe", "folder", "loop", "device"],
)
def test_what_is_no_file_is_refused_at_once(
    layout: DepotLayout, make: Callable[[Path], None]
) -> None:
    """Nobody waits for it; its mark is that of no settings, so it is looked at and told."""
    make(layout.config)
    with pytest.raises(ConfigError, match=r"config\.textproto"):
        read_sources(layout, {})
    mark = sources_digest(layout, {})
    assert mark
    layout.config.rmdir() if layout.config.is_dir() else layout.config.unlink()
    assert sources_digest(layout, {}) == ""


def test_a_folder_of_secrets_that_is_none(layout: DepotLayout) -> None:
    """It does not keep anybody from asking."""
    layout.secrets.parent.rmdir()
    layout.secrets.parent.write_text("")
    assert sources_digest(layout, {})
    with pytest.raises(ConfigError, match="secrets"):
        read_sources(layout, {})


def test_variables_of_any_bytes_have_a_mark(layout: DepotLayout) -> None:
    """What is wrong with them is told by whoever reads them."""
    name = "QUILL_SERVER_SITE_URL"
    marks = {sources_digest(layout, {name: os.fsdecode(raw)}) for raw in (b"\xff", b"\xfe", b"")}
    assert len(marks) == 3
