"""All settings of a depot as one value: what the catalog carries and every feature reads.

    catalog.config.server.application_name

It never changes; another accepted file is another object. The one in the catalog has no secrets.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Final

import msgspec

from shared.config.auth import Auth
from shared.config.declaration import setting
from shared.config.email import Email
from shared.config.operation import Backups, Batch, Jobs, Logs, RateLimits, TrustedProxy
from shared.config.record_api import Database, JsonSchema, RecordApi
from shared.config.server import Server

_KEPT: Final = 4


class Config(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The settings in force."""

    email: Annotated[Email, setting(1, "How mail is sent, and what it says.")] = Email()
    server: Annotated[Server, setting(2, "The application as a whole.")] = Server()
    auth: Annotated[Auth, setting(3, "Logging in through record APIs.")] = Auth()
    jobs: Annotated[Jobs, setting(4, "What the server does by itself.")] = Jobs()
    databases: Annotated[
        tuple[Database, ...], setting(5, "Databases beside `main`.", waits=False)
    ] = ()
    record_apis: Annotated[
        tuple[RecordApi, ...], setting(6, "Tables and views served as APIs.", waits=False)
    ] = ()
    schemas: Annotated[
        tuple[JsonSchema, ...], setting(7, "JSON schemas for columns.", waits=False)
    ] = ()
    batch: Annotated[Batch, setting(1000, "Several writes in one request.")] = Batch()
    rate_limits: Annotated[RateLimits, setting(1001, "How often clients may ask.")] = RateLimits()
    trusted_proxy: Annotated[TrustedProxy, setting(1002, "What proxies say of clients.")] = (
        TrustedProxy()
    )
    logs: Annotated[Logs, setting(1003, "The log of requests.")] = Logs()
    backups: Annotated[Backups, setting(1004, "Backups made by schedule.")] = Backups()


DEFAULT: Final = Config()
"""Every setting as it is where nobody has set it."""
_decoder: Final = msgspec.json.Decoder(Config)


@lru_cache(_KEPT)
def read_config(text: str) -> Config:
    """The config that the catalog keeps as JSON; the same object for the same text.

    Raises msgspec.MsgspecError. What a newer version wrote into it is left out.
    """
    return _decoder.decode(text)


def write_config(config: Config) -> str:
    """The JSON that `read_config` reads. The config must hold no secret."""
    return msgspec.json.encode(config).decode()
