"""`quillbase publish`: a message to a custom topic, through the writer of the running server.

While no server runs it is stored all the same, by a writer of its own: clients that resume from a
position before it hear it once the server is there. A depot that does not exist is refused.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer

from cluster.refusal import Refusal
from quillbase.cli.failure import told_in_a_sentence
from quillbase.cli.writer import submit, writer_of
from shared import logs
from shared.limits import MESSAGE_BYTES_MAX

if TYPE_CHECKING:
    from shared.schema.catalog import Catalog
    from shared.sql.plan import Plan

_STDIN: Final = "-"
_INPUT_BYTES_MAX: Final = 8 * MESSAGE_BYTES_MAX  # spaces and escapes may make it longer


def publish(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="What clients subscribe to.")],
    data: Annotated[
        str, typer.Argument(metavar="[DATA]", help="JSON, or - to read it from standard input.")
    ] = "null",
    *,
    text: Annotated[bool, typer.Option("--text", help="DATA is plain text and no JSON.")] = False,
    depot: Annotated[
        Path, typer.Option(envvar="QUILL_DEPOT", help="Folder that holds all data.")
    ] = Path("depot"),
) -> None:
    """Send a message to everybody who subscribes to a custom topic.

    While no server runs it is stored for those who resume later.
    """
    logs.configure("cli", "warning")
    with told_in_a_sentence():
        value = _read(data, text=text)
        if not (depot / "data" / "main.db").exists():
            raise Refusal(f"There is no depot at {depot}: nobody could ever hear it.")
        with writer_of(depot) as writer:
            asyncio.run(submit(writer.run, _planner(topic, value)))
        if writer.alone:
            print("Stored. No server runs: those who resume from an earlier position hear it.")
        else:
            print("Published.")


def _planner(topic: str, value: object) -> Callable[[Catalog], Plan]:
    """Makes the plan for a catalog. Raises QuillError for a topic or data that cannot be told."""
    from worker.realtime.publishing.message import make_message, message_plan  # noqa: PLC0415

    return lambda catalog: message_plan(catalog, [make_message(catalog, topic, value)])


def _read(data: str, *, text: bool) -> object:
    """What DATA means. Raises Refusal."""
    try:
        raw = _standard_input() if data == _STDIN else data.encode()
        value: object = raw.decode() if text else orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Refusal("DATA is not JSON. Use --text for plain text.") from None
    except UnicodeError:
        raise Refusal("DATA is not UTF-8.") from None
    return value


def _standard_input() -> bytes:
    raw = sys.stdin.buffer.read(_INPUT_BYTES_MAX + 1)
    if len(raw) > _INPUT_BYTES_MAX:
        raise Refusal(f"The data is larger than {MESSAGE_BYTES_MAX} bytes.")
    return raw
