"""Who may import whom: the arrows of ARCHITECTURE.md, checked."""

from __future__ import annotations

from tests.layout.sources import PRODUCT, Source, product

ALLOWED_ROOTS = {
    "quillbase": {"quillbase", "cluster", "shared", "worker"},
    "cluster": {"cluster", "shared"},
    "worker": {"worker", "shared"},
    "writer": {"writer", "shared"},
    "shared": {"shared"},
}
CLUSTER_MAY_SHARE = {
    "depot",
    "limits",
    "logs",
    "metrics",
    "run_directory",
    "settings",
    "status_page",
}
# What a command needs to plan a write and to send it, and nothing that serves.
CLI_MAY_USE = (
    "worker.engine", "worker.records", "worker.auth.superusers", "worker.auth.lockout", "worker.auth.users", "worker.realtime.publishing.message",
    "worker.transfer",
    "worker.pb_data",
    "worker.backups",
    "worker.migrations",
)  # fmt: skip
# A layer may import those to its right, and itself.
SHARED_LAYERS = ("messages", "sql", "access", "language", "schema", "config")
WORKER_LAYERS = (
    "app|prepare",
    "wire|transfer|pb_data",
    "migrations|console",
    "auth|realtime|catalog|ops|backups|settings|apis",
    "records",
    "engine",
    "context",
    "http",
)
# Names the types of what it wires together, for type checkers only.
WIRING = "worker.context"
BARE_DRIVERS = {"apsw", "sqlite3"}
# Vocabulary may serve one process only, and so may the driver's folder; all else serves two.
VOCABULARY = ("messages", "sql", "access", "language", "schema", "config")
# Each library of the outside world has one home in each process.
HOMES = {
    "google": ("shared.config",),
    "granian": ("worker.http",),
    "falcon": ("worker.http",),
    "multipart": ("worker.http",),
    "uvloop": ("worker.__main__",),
    "websockets": ("worker.wire.websocket",),
    "zmq": ("worker.engine", "writer"),
    "argon2": ("shared.passwords",),
    "joserfc": ("worker.auth.tokens", "worker.auth.users"),
    "re2": ("shared.schema.fields.pattern", "shared.sqlite.functions.text"),
    "jsonschema_rs": ("shared.sqlite.functions.json_schema",),
    "shapely": ("shared.sqlite.functions.geometry",),
    "sqlglot": ("worker.catalog.view_query", "shared.schema.tables.view_select"),
    "structlog": ("shared.logs",),
    "typer": ("quillbase.cli",),
    "prometheus_client": ("shared.metrics", "cluster"),
}
OUTSIDE_WORLD = {
    "asyncio", "io", "multiprocessing", "os", "pathlib", "selectors", "shutil", "signal", "socket",
    "subprocess", "tempfile", "threading", "time",
}  # fmt: skip


def _ours(source: Source) -> list[tuple[int, list[str]]]:
    return [
        (line, target.split("."))
        for line, target in source.imports()
        if target.split(".")[0] in PRODUCT
    ]


def _rank(layers: tuple[str, ...], name: str) -> int | None:
    return next((i for i, layer in enumerate(layers) if name in layer.split("|")), None)


def test_processes_do_not_import_each_other() -> None:
    """Each top-level folder imports only its allowed neighbours."""
    bad = [
        f"{source.path}:{line} imports {'.'.join(parts)}"
        for source in product()
        for line, parts in _ours(source)
        if parts[0] not in ALLOWED_ROOTS[source.package]
    ]
    assert not bad, "\n".join(bad)


def test_the_supervisor_shares_little() -> None:
    """The supervisor starts the others as programs: it knows no schema, SQL or message."""
    bad = [
        f"{source.path}:{line} imports {'.'.join(parts)}"
        for source in product()
        if source.package == "cluster"
        for line, parts in _ours(source)
        if parts[0] == "shared" and len(parts) > 1 and parts[1] not in CLUSTER_MAY_SHARE
    ]
    assert not bad, "\n".join(bad)


def test_the_writer_knows_no_language() -> None:
    """The writer executes plans; it never makes them."""
    forbidden = ("shared.language", "shared.access", "shared.sql.select", "shared.sql.conditions")
    bad = [
        f"{source.path}:{line} imports {target}"
        for source in product()
        if source.package == "writer"
        for line, target in source.imports()
        if target.startswith(forbidden)
    ]
    assert not bad, "\n".join(bad)


def test_layers_of_shared_point_one_way() -> None:
    """messages → sql → access → language → schema → config → the base files."""
    bad = []
    for source in product():
        parts = source.module.split(".")
        if source.package != "shared" or len(parts) < 2:
            continue
        own = _rank(SHARED_LAYERS, parts[1])
        for line, target in _ours(source):
            other = _rank(SHARED_LAYERS, target[1]) if len(target) > 1 else None
            if (
                other is not None
                and (own is None or other < own)
                and parts[1] not in ("sqlite", "depot")
            ):
                bad.append(f"{source.path}:{line} imports {'.'.join(target)}")
    assert not bad, "\n".join(bad)


def test_layers_of_the_worker_point_one_way() -> None:
    """app → wire → auth, realtime, catalog, ops → records → engine → context → http."""
    bad = []
    for source in product():
        parts = source.module.split(".")
        if source.package != "worker" or len(parts) < 2 or source.module == WIRING:
            continue
        own = _rank(WORKER_LAYERS, parts[1])
        for line, target in _ours(source):
            other = _rank(WORKER_LAYERS, target[1]) if len(target) > 1 else None
            if own is not None and other is not None and target[0] == "worker" and other < own:
                bad.append(f"{source.path}:{line} imports {'.'.join(target)}")
    assert not bad, "\n".join(bad)


def test_only_the_engines_touch_the_driver() -> None:
    """APSW is imported by shared.sqlite and the writer; shared.sqlite by them and the engine, and
    by what copies whole files."""
    bad = []
    for source in product():
        at_driver = source.module.startswith(("shared.sqlite", "writer"))
        at_engine = at_driver or source.module.startswith(("worker.engine", "worker.backups"))
        for line, target in source.imports():
            if target.split(".")[0] in BARE_DRIVERS and not at_driver:
                bad.append(f"{source.path}:{line} imports {target}")
            if target.startswith("shared.sqlite") and not at_engine:
                bad.append(f"{source.path}:{line} imports {target}")
    assert not bad, "\n".join(bad)


def test_a_dialect_owns_only_its_two_ends() -> None:
    """A wire dialect imports no SQL, no engine and no other dialect."""
    bad = []
    for source in product():
        if not source.module.startswith("worker.wire."):
            continue
        dialect = source.module.split(".")[2]
        for line, target in source.imports():
            other = target.startswith("worker.wire.") and target.split(".")[2] != dialect
            if other or target.startswith(("shared.sql", "worker.engine")):
                bad.append(f"{source.path}:{line} imports {target}")
    assert not bad, "\n".join(bad)


def test_commands_plan_and_submit_and_do_not_serve() -> None:
    """The command line uses the parts of a worker that make and send a plan."""
    bad = [
        f"{source.path}:{line} imports {'.'.join(parts)}"
        for source in product()
        if source.package == "quillbase"
        for line, parts in _ours(source)
        if parts[0] == "worker" and not ".".join(parts).startswith(CLI_MAY_USE)
    ]
    assert not bad, "\n".join(bad)


def test_only_the_writer_opens_a_database_for_writing() -> None:
    """`open_writer` is named by the writer alone."""
    bad = [
        f"{source.path}:{line}"
        for source in product()
        if source.package != "writer"
        for line, target in source.imports()
        if target == "shared.sqlite.connect.open_writer"
    ]
    assert not bad, "\n".join(bad)


def test_vocabulary_touches_no_outside_world() -> None:
    """Schema, language, access, SQL, messages and config are pure: testable with plain calls."""
    bad = [
        f"{source.path}:{line} imports {target}"
        for source in product()
        if source.module.startswith(tuple(f"shared.{name}." for name in VOCABULARY))
        for line, target in source.imports()
        if target.split(".")[0]
        in OUTSIDE_WORLD | BARE_DRIVERS | set(HOMES) - {"google", "re2", "sqlglot"}
    ]
    assert not bad, "\n".join(bad)


def test_a_shared_file_serves_two_processes() -> None:
    """What only one process imports belongs to that process, unless it is vocabulary."""
    users: dict[str, set[str]] = {}
    for source in product():
        for _, target in source.imports():
            users.setdefault(target, set()).add(
                source.module if source.package == "shared" else source.package
            )
    bad = [
        source.path
        for source in product()
        if source.package == "shared" and not source.path.endswith("__init__.py")
        if not source.module.startswith(
            ("shared.sqlite.", *(f"shared.{name}." for name in VOCABULARY))
        )
        if len(users.get(source.module, set())) < 2
    ]
    assert not bad, "move these: " + ", ".join(bad)


def test_a_library_is_imported_at_its_home() -> None:
    """HTTP, ZeroMQ, hashes, tokens and metrics each have one place that knows their library."""
    bad = []
    for source in product():
        for line, target in source.imports():
            homes = HOMES.get(target.split(".")[0])
            if homes is not None and not source.module.startswith(homes):
                bad.append(f"{source.path}:{line} imports {target}")
    assert not bad, "\n".join(bad)
