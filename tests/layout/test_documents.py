"""Documentation that cannot drift: settings, metrics, failpoints and tests are where they belong."""

from __future__ import annotations

import re

import msgspec

from shared.settings import Settings
from tests.layout.sources import ROOT, product, sources

# Wiring and declarations that the tests of their neighbours run as real processes.
TESTED_ELSEWHERE = {"__main__", "__init__", "context", "app", "limits", "routes"}


def test_every_setting_is_documented() -> None:
    """Each field of Settings has help of its own and a line in docs/settings.md."""
    page = (ROOT / "docs/settings.md").read_text()
    for field in msgspec.structs.fields(Settings):
        assert f"`--{field.name.replace('_', '-')}`" in page, f"{field.name} is not documented"
        assert f"QUILL_{field.name.upper()}" in page, f"{field.name}: no environment variable"


def test_every_metric_is_documented() -> None:
    """Each metric that shared.metrics declares has a line in docs/metrics.md."""
    declared = set(re.findall(r'"(quill_[a-z_]+)"', (ROOT / "shared/metrics.py").read_text()))
    page = (ROOT / "docs/metrics.md").read_text()
    assert declared, "no metric found"
    missing = {name for name in declared if f"`{name}`" not in page}
    assert not missing, f"not in docs/metrics.md: {sorted(missing)}"


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
