"""Replacing a depot's data: after any interruption it is wholly the old one or wholly the new one."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.depot import replace
from shared.depot.layout import DepotLayout
from shared.depot.replace import (
    ReplacementError,
    finish_replacement,
    prepare_incoming,
    replace_data,
)
from shared.limits import REPLACED_KEPT_MAX
from tests.small_disk import filled, small_disk

OLD = {
    "data/main.db": "old",
    "data/main.db-wal": "old wal",
    "data/main.db-shm": "old shm",
    "data/tenant.db": "old tenant",
    "uploads/a/1.txt": "old upload",
    "uploads/a/2.txt": "old upload",
    "config.textproto": "old config",
    "secrets/keys/private_key.pem": "old key",
    "secrets/secrets.textproto": "kept secret",
    "migrations/main/U1__a.sql": "kept migration",
    "data/writer.lock": "lock",
    "data/ballast": "ballast",
}
NEW = {
    "data/main.db": "new",
    "data/extra.db": "new extra",
    "uploads/b/3.txt": "new upload",
    "config.textproto": "new config",
    "secrets/keys/private_key.pem": "new key",
}
KEPT = (
    "secrets/secrets.textproto",
    "migrations/main/U1__a.sql",
    "data/writer.lock",
    "data/ballast",
)
AFTER = NEW | {name: OLD[name] for name in KEPT}

_PROGRAM = """
import sys
from pathlib import Path
from shared.depot.layout import DepotLayout
from shared.depot.replace import finish_replacement, replace_data
layout = DepotLayout(Path(sys.argv[1]))
if sys.argv[2] == "replace":
    print(replace_data(layout, "restore of x.zip"))
else:
    print(finish_replacement(layout))
"""


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _files(folder: Path) -> dict[str, str]:
    """All files of the depot but the replaced ones."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != "replaced"
    }


def _staged(path: Path) -> DepotLayout:
    layout = DepotLayout(path)
    _write(path, OLD)
    _write(prepare_incoming(layout, "restore of x.zip").path, NEW)
    return layout


def _decided(path: Path) -> tuple[DepotLayout, replace.Journal]:
    layout = _staged(path)
    journal = replace.Journal(
        "restore of x.zip", "stamp", replace._leaving(layout), replace._staged(layout)
    )
    replace._decide(layout, journal)
    return layout, journal


def _run(depot: Path, verb: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", _PROGRAM, str(depot), verb],
        env={**os.environ, "QUILL_FAILPOINT": failpoint},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_the_new_data_takes_the_place_of_the_old(tmp_path: Path) -> None:
    """Databases go whole, uploads whole, other files one by one; the old ones lie in `replaced`."""
    layout = _staged(tmp_path)
    told = replace_data(layout, "restore of x.zip")
    assert _files(tmp_path) == AFTER
    (stamp,) = layout.replaced.iterdir()
    assert told == (
        "The restore of x.zip was completed."
        f" What the depot held before is in replaced/{stamp.name}."
    )
    assert _files(stamp) == {name: text for name, text in OLD.items() if name not in KEPT}
    assert finish_replacement(layout) is None


def test_an_empty_depot_is_filled(tmp_path: Path) -> None:
    """Where nothing was, nothing is kept as replaced."""
    layout = DepotLayout(tmp_path)
    _write(prepare_incoming(layout, "import").path, NEW)
    assert replace_data(layout, "import") == "The import was completed."
    assert _files(tmp_path) == NEW
    assert not layout.replaced.exists()


def test_after_any_step_the_next_start_completes_it(tmp_path: Path) -> None:
    """Cut off after each number of steps, and cut off again while it is finished."""
    count = len(list(replace.steps(*_decided(tmp_path / "count"))))
    assert count > len(NEW) + 4
    for first in range(count + 1):
        for second in {0, first // 2, first, count - 1}:
            path = tmp_path / f"{first}-{second}"
            layout, journal = _decided(path)
            for cut in (first, second):
                if layout.replacement.exists():
                    for step in itertools.islice(replace.steps(layout, journal), cut):
                        step()
            told = finish_replacement(layout)
            assert _files(path) == AFTER, (first, second)
            if first < count - 2:
                assert told is None or "restore of x.zip" in told
            assert finish_replacement(layout) is None


def test_staged_files_without_a_decision_are_discarded(tmp_path: Path) -> None:
    """Before the journal stands the depot is the old one."""
    layout = _staged(tmp_path)
    assert finish_replacement(layout) == (
        "An unfinished restore of x.zip was discarded; the depot is as it was before."
    )
    assert _files(tmp_path) == OLD


def test_a_killed_replacement_is_wholly_old_or_wholly_new(tmp_path: Path) -> None:
    """SIGKILL right after the decision, and after the n-th step, each by its own process."""
    trigger = tmp_path / "die"
    trigger.touch()
    depot = tmp_path / "decided"
    _staged(depot)
    done = _run(depot, "replace", "depot.decided=kill")
    assert done.returncode == -signal.SIGKILL
    assert _files(depot).items() >= OLD.items()
    for _ in range(4):  # each start goes on and is killed after its first step
        assert _run(depot, "finish", "depot.replacing=kill").returncode == -signal.SIGKILL
    done = _run(depot, "finish")
    assert done.stdout.startswith("The restore of x.zip was completed. What the depot held before")
    assert _files(depot) == AFTER


def test_what_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    """No main database, a file that is never replaced, another replacement under way."""
    layout = DepotLayout(tmp_path)
    _write(tmp_path, OLD)
    for staged, reason in (
        ({"config.textproto": "x"}, "No data/main.db"),
        (NEW | {"data/writer.lock": "x"}, "writer.lock cannot"),
    ):
        _write(prepare_incoming(layout, "import").path, staged)
        with pytest.raises(ReplacementError, match=reason):
            replace_data(layout, "import")
        finish_replacement(layout)
        assert _files(tmp_path) == OLD
    layout.replacement.write_text("{}")
    _write(prepare_incoming(layout, "import").path, NEW)
    with pytest.raises(ReplacementError, match="not finished"):
        replace_data(layout, "import")
    with pytest.raises(ReplacementError, match="cannot be read"):
        finish_replacement(layout)


def test_only_the_newest_replaced_data_is_kept(tmp_path: Path) -> None:
    """Disks are finite; what was replaced last can be put back by hand."""
    layout = DepotLayout(tmp_path)
    for n in range(REPLACED_KEPT_MAX + 3):
        _write(prepare_incoming(layout, "import").path, {"data/main.db": str(n)})
        replace_data(layout, "import")
        for age, folder in enumerate(sorted(layout.replaced.glob("*"), key=os.path.getmtime)):
            os.utime(folder, (n + age, n + age))
    kept = {(path / "data/main.db").read_text() for path in layout.replaced.iterdir()}
    assert len(kept) == REPLACED_KEPT_MAX
    assert str(n - 1) in kept


def test_a_full_disk_before_the_decision_changes_nothing(tmp_path: Path) -> None:
    """Not even a folder for the old files stays; decided, it needs no room any more."""
    with small_disk(tmp_path / "disk", 256) as disk:
        layout = _staged(disk / "depot")
        with filled(disk), pytest.raises(OSError, match="No space left"):
            replace_data(layout, "restore of x.zip")
        assert _files(layout.path) == OLD
        assert not layout.replaced.exists()
        layout, _ = _decided(disk / "other")
        with filled(disk):
            assert "was completed" in (finish_replacement(layout) or "")
