"""Files and functions stay small enough to read in one go."""

from __future__ import annotations

import ast
import statistics

from tests.layout.sources import ROOT, product, sources, tracked

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
FUNCTION_LINES_MEDIAN = 10
FUNCTION_LINES_NINE_IN_TEN = 40
# The outermost loops: whatever happens inside, they go on or end in order.
OUTERMOST_LOOPS = {
    "worker/__main__.py", "worker/http/server.py", "worker/engine/feed.py",
    "worker/migrations/child.py", "worker/prepare/__main__.py",
    "worker/engine/lookout.py", "worker/engine/peers.py", "worker/engine/writer_link.py", "worker/realtime/delivery/delivery.py",
    "worker/realtime/delivery/join.py", "worker/wire/trailbase/subscribe_socket.py", "worker/wire/websocket/session.py", "writer/batch.py",
}  # fmt: skip
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    """A longer file has more than one job."""
    long = [
        f"{s.path}: {s.text.count(chr(10))}"
        for s in sources()
        if s.text.count("\n") > FILE_LINES_MAX
    ]
    assert not long, "split these: " + ", ".join(long)


def test_no_function_is_longer_than_seventy_lines() -> None:
    """A longer function hides its steps."""
    long = [
        f"{source.path}:{node.lineno} {node.name}"
        for source in sources()
        for node in source.functions()
        if (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert not long, "split these: " + ", ".join(long)


def test_functions_are_short_as_a_rule() -> None:
    """Half of the product's functions have ten lines at most, nine in ten forty."""
    lengths = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for source in product()
        for node in source.functions()
    ]
    assert statistics.median(lengths) <= FUNCTION_LINES_MEDIAN
    assert statistics.quantiles(lengths, n=10)[-1] <= FUNCTION_LINES_NINE_IN_TEN


def test_everything_is_caught_only_in_the_outermost_loops() -> None:
    """`except Exception` that does not raise again hides faults; elsewhere name what may happen."""
    broad = {
        source.path
        for source in product()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and not any(isinstance(each, ast.Raise) and each.exc is None for each in ast.walk(node))
    }
    assert broad == OUTERMOST_LOOPS


def test_no_module_is_named_after_nothing() -> None:
    """A module is named by its noun."""
    bad = [s.path for s in sources() if set(s.module.split(".")) & BANNED_NAMES]
    assert not bad, "name the noun: " + ", ".join(bad)


def test_every_module_says_what_it_is_for() -> None:
    """Each module opens with a docstring."""
    silent = [s.path for s in sources() if s.text.strip() and not ast.get_docstring(s.tree)]
    assert not silent, "no docstring: " + ", ".join(silent)


def test_every_public_definition_is_described() -> None:
    """Public classes and functions of the product have a docstring."""
    silent = [
        f"{source.path}:{node.lineno} {node.name}"
        for source in product()
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent, "no docstring: " + ", ".join(silent)


def test_every_test_says_what_it_shows() -> None:
    """Each test has a one-sentence docstring."""
    silent = [
        f"{source.path}:{node.lineno} {node.name}"
        for source in sources()
        if source.package == "tests"
        for node in source.functions()
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert not silent, "no docstring: " + ", ".join(silent)


def test_a_page_has_one_title() -> None:
    """Each Markdown page opens with its only first-level title."""
    bad = []
    for name in tracked("*.md"):
        fenced = False
        titles = []
        for line in (ROOT / name).read_text().splitlines():
            fenced ^= line.startswith("```")
            if line.startswith("# ") and not fenced:
                titles.append(line)
        if len(titles) != 1:
            bad.append(name)
    assert not bad, "one title each: " + ", ".join(bad)


def test_nothing_is_left_for_later_in_a_comment() -> None:
    """What is not done is an issue, not a marker in the code."""
    markers = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")
    left = [s.path for s in sources() if any(marker in s.text for marker in markers)]
    assert not left, "finish or file an issue: " + ", ".join(left)


def test_no_registry_address_is_written_down() -> None:
    """Lock files name packages and hashes, never where they were fetched."""
    addresses = ("registry." + "npmjs", "files." + "pythonhosted", "pypi." + "org")
    found = [
        name
        for pattern in ("*.lock", "*package-lock.json", "*.toml", "Makefile", ".ci/*", "*.md")
        for name in tracked(pattern)
        if any(address in (ROOT / name).read_text() for address in addresses)
    ]
    assert not found, "remove the address: " + ", ".join(found)
