"""The README's session with curl is run as it stands, against a cluster on other ports."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cluster_process import ClusterProcess, upsert_superuser

README = Path(__file__).resolve().parents[2] / "README.md"
_TIMED_OUT = 124  # timeout(1)


def _session() -> list[str]:
    """The commands of the session, each with its continuation lines."""
    block = re.search(
        r"## Ten lines with curl.*?```console\n(.*?)```", README.read_text(), re.DOTALL
    )
    assert block
    return [command.strip() for command in re.split(r"^\$ ", block[1], flags=re.MULTILINE)[1:]]


def _run(commands: list[str], cluster: ClusterProcess) -> str:
    """All of them in one shell that stops at the first failure; what they printed."""
    text = "\n".join(commands)
    text = text.replace("http://127.0.0.1:8090", cluster.url)
    text = text.replace("http://127.0.0.1:8095", cluster.ops_url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_session_with_curl_works(cluster: ClusterProcess) -> None:
    """Each command succeeds and shows what the README says, the stream included."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    upsert_superuser(cluster.depot, "me@example.com", "a long password")
    session = [command.replace("curl ", "curl --fail-with-body ", 1) for command in _session()]
    stream = next(place for place, command in enumerate(session) if "-N" in command)
    subscribe, rest = session[stream + 1], session[stream + 2 :]

    shown = _run(session[:stream], cluster)
    listed = json.loads(shown[shown.rindex('{"items"') :])
    assert [item["title"] for item in listed["items"]] == ["Hello"]

    watch = session[stream].partition("#")[0].replace("curl", "timeout 5 curl")
    log = cluster.depot / "stream.txt"
    seen = _run(
        [
            session[0],
            f"({watch} -so {log} || test $? = {_TIMED_OUT}) & STREAM=$!",
            f"until grep -qs clientId {log}; do sleep 0.05; done",
            f"""ID=$(grep -o '"clientId":"[^"]*' {log} | cut -d'"' -f4)""",
            subscribe.replace("…", "'$ID'"),
            *[line for line in rest if "metrics" not in line],
            f"wait $STREAM; cat {log}",
        ],
        cluster,
    )
    assert "event:posts/*" in seen
    assert seen.count("Seen live") == 2, "the answer and the event"
    metrics = next(line for line in rest if "metrics" in line)
    assert "quill_http_requests_total" in _run([metrics], cluster)
