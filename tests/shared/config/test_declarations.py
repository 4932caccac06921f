"""Every setting is declared whole, and the documents that are made of the declarations are made.

Tests `shared.config.declaration`, `shared.config.reference` and the groups: `shared.config.auth`,
`shared.config.email`, `shared.config.operation`, `shared.config.record_api`, `shared.config.server`.
"""

from __future__ import annotations

import re

import msgspec
import pytest

from shared.config.config import Config
from shared.config.declaration import OURS_FROM, Form, Group, declared
from shared.config.message import groups
from shared.config.places import QUILL, places, variable
from shared.config.reference import BEGIN, page_text, proto_text
from shared.depot.sources import SECTIONS, overrides
from shared.settings import Settings
from tests.layout.sources import ROOT


def test_every_setting_has_number_and_help() -> None:
    """Numbers are used once in a group; the help is a sentence; what has no default may be absent."""
    for group in groups():
        settings = declared(group)
        numbers = [one.number for one in settings.values()]
        assert len(set(numbers)) == len(numbers), group
        assert all(0 < number < 19_000 for number in numbers), group
        for one in settings.values():
            assert re.fullmatch(r"[A-Z`].*\.", one.help, re.DOTALL), one.name
        assert group() == msgspec.convert({}, group)


def test_what_only_we_have_is_numbered_apart() -> None:
    """Settings of our own, and all within groups of our own, begin at 1000."""
    ours = {name for name, one in declared(Config).items() if one.number >= OURS_FROM}
    assert ours == {"batch", "rate_limits", "trusted_proxy", "logs", "backups"}
    for name in ours:
        group: Group = declared(Config)[name].kind
        inner = declared(group)
        assert all(one.number >= OURS_FROM for one in inner.values()), name


def test_documents_are_up_to_date() -> None:
    """docs/config.proto and the table of docs/settings.md are what the declarations say."""
    assert (ROOT / "docs/config.proto").read_text() == proto_text(), "run make docs"
    page = (ROOT / "docs/settings.md").read_text()
    assert page_text(page) == page, "run make docs"
    for place in places({}, absent=True):
        assert f"`{place.path}`" in page, place.path
    with pytest.raises(ValueError, match="no place"):
        page_text(page.replace(BEGIN, ""))


def test_variables_are_apart_from_flags() -> None:
    """Groups with variables are known to those who look for them, and no flag looks like one."""
    names = [variable(QUILL, place.path) for place in places({}, absent=True)]
    assert overrides(dict.fromkeys(names, "")) == dict.fromkeys(names, "")
    used = {name for name, one in declared(Config).items() if one.form is Form.GROUP}
    assert {name.lower() for name in SECTIONS} == used - {"jobs"}  # which has a list only
    flags = {f"QUILL_{field.name.upper()}": "" for field in msgspec.structs.fields(Settings)}
    assert overrides(flags) == {}


def test_secret_settings_are_called_so() -> None:
    """The mark of the environment leaves out what is called like a secret: all secrets are."""
    called = re.compile(r"(?:password|secret|secret_access_key)$")
    for group in groups():
        for one in declared(group).values():
            assert not one.secret or called.search(one.name), one.name
