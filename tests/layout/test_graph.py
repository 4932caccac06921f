"""The graph of ARCHITECTURE.md is the code's: who imports whom, from the dialects down to the core."""

from __future__ import annotations

import re

from tests.layout.sources import ROOT, product

PARTS = {
    "worker.wire.pocketbase": "pocketbase",
    "worker.wire.trailbase": "trailbase",
    "worker.realtime": "realtime",
    "worker.apis": "apis",
    "worker.auth": "auth",
    "worker.records": "records",
    "worker.engine": "engine",
    "shared.sql": "sql",
    "shared.language": "language",
    "shared.schema": "schema",
}
DIALECTS = ("pocketbase", "trailbase")
_BLOCK = re.compile(r"```mermaid\ngraph TD\n(.*?)```", re.DOTALL)
_EDGES = re.compile(r"^ *(\w+) --> (\w+(?: & \w+)*)$", re.MULTILINE)


def _part(module: str) -> str | None:
    for prefix, name in PARTS.items():
        if module == prefix or module.startswith(f"{prefix}."):
            return name
    return None


def _imported() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in PARTS.values()}
    for source in product():
        own = _part(source.module)
        if own is not None:
            others = {_part(target) for _, target in source.imports()}
            found[own] |= {one for one in others if one is not None and one != own}
    return found


def test_the_graph_is_the_code() -> None:
    """Every arrow is an import, and every import an arrow."""
    imported = _imported()
    block = _BLOCK.search((ROOT / "ARCHITECTURE.md").read_text())
    assert block is not None
    drawn = {one: set(others.split(" & ")) for one, others in _EDGES.findall(block[1])}
    lines = [
        f"    {name} --> {' & '.join(one for one in PARTS.values() if one in imported[name])}"
        for name in PARTS.values()
        if imported[name]
    ]
    assert drawn == {name: others for name, others in imported.items() if others}, (
        "draw this:\n" + "\n".join(lines)
    )


def test_the_dialects_meet_only_in_the_core() -> None:
    """Neither imports the other, and nothing of the core imports either."""
    imported = _imported()
    for name in PARTS.values():
        others = set(DIALECTS) - {name} if name in DIALECTS else set(DIALECTS)
        assert not imported[name] & others, name
    met = imported["pocketbase"] & imported["trailbase"]
    assert {"records", "apis", "auth"} <= met
