"""The settings of the source as ours: what differs, what cannot be had, what nobody reads yet."""

from __future__ import annotations

from typing import Any

import pytest

from shared.config.load import idle
from shared.config.vault import lock
from worker.pb_data.report import Kind, Notes
from worker.pb_data.settings import convert


def _told(raw: dict[str, Any], kind: Kind) -> dict[str, str]:
    notes = Notes()
    convert(raw, notes)
    return {note.where: note.why for note in notes.all() if note.kind is kind}


def test_only_what_differs_is_written() -> None:
    """Empty texts, and zeros that stand for the usual, say nothing."""
    raw = {
        "meta": {"appName": "mine", "appURL": "", "hideControls": False},
        "smtp": {"port": 0, "host": ""},
        "batch": {"enabled": True, "maxBodySize": 0, "timeout": 7},
    }
    found = convert(raw, Notes())
    assert found.carried[0] == "meta.appName"
    assert set(found.carried) <= {"meta.appName", "batch.enabled", "batch.timeout"}
    assert found.tree["server"] == {"application_name": "mine"}
    assert found.tree["batch"]["timeout_sec"] == 7


def test_secrets_go_to_their_own_file() -> None:
    """The password of the mail server is none of the settings' text."""
    smtp = {"enabled": True, "host": "mail.example.com", "username": "u", "password": "hidden one"}
    found = convert({"smtp": smtp}, Notes())
    shut, vault = lock(found.tree, {})
    assert "hidden one" not in str(shut)
    assert "hidden one" in vault.values()


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        ({"smtp": {"port": "many"}}, "settings.smtp.port"),
        ({"meta": {"appURL": 5}}, "settings.meta.appURL"),
        (
            {"rateLimits": {"rules": [{"label": "*:auth", "duration": "x"}]}},
            "settings.rateLimits.rules",
        ),
    ],
)
def test_what_is_refused_keeps_its_default(raw: dict[str, Any], where: str) -> None:
    """And is told."""
    assert where in _told(raw, Kind.CHANGED)
    assert convert(raw, Notes()).carried == []


def test_what_is_unknown_is_told() -> None:
    """By its key."""
    told = _told({"meta": {"appName": "x", "moon": "full"}}, Kind.LEFT_OUT)
    assert list(told) == ["settings.meta.moon"]


def test_what_nobody_reads_yet_is_told_together() -> None:
    """In one line; nothing is told where a feature reads it."""
    expected = {}
    if idle(["server.accent_color"]):
        expected = {"settings": "kept, without effect yet: meta.accentColor"}
    assert _told({"meta": {"accentColor": "#1055c9"}}, Kind.TOLD) == expected
