"""Documentation that cannot drift: settings, metrics, failpoints and tests are where they belong."""

from __future__ import annotations

import re

import msgspec

from shared.settings import Settings
from tests.layout.sources import ROOT, product, sources, tracked
from worker.wire.pocketbase.routes import ROUTES

# Wiring and declarations that the tests of their neighbours run as real processes.
TESTED_ELSEWHERE = {"__main__", "__init__", "context", "app", "limits", "routes"}


def test_every_setting_is_documented() -> None:
    """Each field of Settings has help of its own and a line in docs/settings.md."""
    page = (ROOT / "docs/settings.md").read_text()
    for field in msgspec.structs.fields(Settings):
        assert f"`--{field.name.replace('_', '-')}`" in page, f"{field.name} is not documented"
        assert f"QUILL_{field.name.upper()}" in page, f"{field.name}: no environment variable"


def test_every_metric_is_documented() -> None:
    """Metrics are declared in shared.metrics, and docs/metrics.md has a line for each and no other."""
    found = {
        name: source.path
        for source in product()
        for name in re.findall(r'"(quill_[a-z_]+)"', source.text)
    }
    assert found, "no metric found"
    strays = {name for name, path in found.items() if path != "shared/metrics.py"}
    assert not strays, f"declare these in shared/metrics.py: {sorted(strays)}"
    described = set(re.findall(r"`(quill_[a-z_]+)`", (ROOT / "docs/metrics.md").read_text()))
    assert described == set(found)


def test_every_route_is_documented() -> None:
    """Each route's path, as it stands in the table of routes, is in docs/api.md with its method."""
    page = (ROOT / "docs/api.md").read_text()
    missing = [
        f"{method} {path}"
        for method, path, _ in ROUTES
        if f"{method} {path}" not in page and path != "/_/setup"
    ]
    assert not missing, f"not in docs/api.md: {missing}"
    assert "/_/setup" in page


def test_links_and_named_files_exist() -> None:
    """A page names no file that is gone: relative links, and paths in backticks."""
    gone = []
    for name in tracked("*.md"):
        text = (ROOT / name).read_text()
        places = [(ROOT / name).parent / link for link in re.findall(r"\]\(([^)#:]+)\)", text)]
        places += [
            ROOT / path
            for path in re.findall(r"`((?:[a-z_]+/)+[\w.-]+\.(?:py|md|toml|conf|json|yml))`", text)
        ]
        gone += [f"{name}: {place}" for place in places if not place.exists()]
    assert not gone, "\n".join(gone)


def test_documented_make_targets_exist() -> None:
    """Every `make word` of a page is a target of the Makefile."""
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        (name, target)
        for name in tracked("*.md")
        for target in re.findall(r"(?:`|\$ )make ([a-z-]+)", (ROOT / name).read_text())
    }
    assert {target for _, target in named} <= targets, named


def test_every_failpoint_is_documented() -> None:
    """Each failpoint that the code reaches has a line in CONTRIBUTING.md."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    reached = {
        name
        for source in product()
        if source.module != "shared.failpoints"  # its docstring shows the form
        for name in re.findall(r'reach(?:_async)?\("([a-z_.]+)"\)', source.text)
    }
    assert reached, "no failpoint found"
    missing = {name for name in reached if f"`{name}`" not in page}
    assert not missing, f"not in CONTRIBUTING.md: {sorted(missing)}"


def test_every_module_has_its_tests() -> None:
    """A module is tested by tests/<folder>/test_<name>.py or imported or named by some test there."""
    tests = [s for s in sources() if s.package == "tests"]
    named = {imported for test in tests for _, imported in test.imports()}
    paths = {test.path for test in tests}
    mentioned = "\n".join(test.text.split('"""')[1] for test in tests if '"""' in test.text)
    missing = []
    for source in product():
        name = source.module.rsplit(".", 1)[-1]
        if source.path.endswith("__init__.py") or name in TESTED_ELSEWHERE:
            continue
        mirrored = f"tests/{source.path.rsplit('/', 1)[0]}/test_{name}.py"
        if mirrored in paths or source.module in named or f"`{source.module}`" in mentioned:
            continue
        missing.append(f"{source.path} (write {mirrored})")
    assert not missing, "no test names these modules:\n" + "\n".join(missing)
