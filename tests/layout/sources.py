"""The project's own Python files and their syntax trees, read once."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("quillbase", "cluster", "worker", "writer", "shared")


@dataclass(frozen=True)
class Source:
    """One module: its path from the root, its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """Top-level folder."""
        return self.path.split("/", 1)[0]

    @property
    def module(self) -> str:
        """Dotted name, without `__init__`."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and dotted target of each import, also of those inside functions."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node.lineno, alias.name
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.lineno, node.module
                for alias in node.names:
                    yield node.lineno, f"{node.module}.{alias.name}"


@cache
def tracked(pattern: str) -> tuple[str, ...]:
    """Files git tracks, or would track, that match a pathspec."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", pattern],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return tuple(name for name in names if (ROOT / name).exists())


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the project."""
    read = []
    for name in tracked("*.py"):
        text = (ROOT / name).read_text()
        read.append(Source(name, text, ast.parse(text)))
    return tuple(read)


def product() -> list[Source]:
    """The files that users run: no tests, benchmarks or examples."""
    return [source for source in sources() if source.package in PRODUCT]
