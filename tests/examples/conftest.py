"""Fixtures of the SDK tests."""

from __future__ import annotations

import pytest

from tests.examples.sdk_process import Language


@pytest.fixture(params=list(Language))
def language(request: pytest.FixtureRequest) -> Language:
    """Each SDK in turn."""
    return Language(request.param)
