"""How the server is run: batches, rate limits, proxies, logs, backups and jobs."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec

from shared.config.declaration import setting
from shared.config.server import S3Storage
from shared.limits import (
    BATCH_REQUEST_SECONDS,
    BATCH_REQUESTS_MAX,
    BATCH_REQUESTS_SETTING_MAX,
    BATCH_SECONDS_SETTING_MAX,
    BODY_BYTES_MAX,
)


class SystemJobId(enum.IntEnum):
    """What the server does by itself."""

    BACKUP = 1
    HEARTBEAT = 2
    LOG_CLEANER = 3
    AUTH_CLEANER = 4
    QUERY_OPTIMIZER = 5
    FILE_DELETIONS = 6
    ANONYMOUS_CLEANER = 7


class SystemJob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When one of them runs."""

    id: Annotated[SystemJobId | None, setting(1, "Which job.")] = None
    schedule: Annotated[str, setting(2, "When, as a cron expression.")] = ""
    disabled: Annotated[bool, setting(3, "Whether it never runs.")] = False


class Jobs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the server does by itself."""

    system_jobs: Annotated[
        tuple[SystemJob, ...], setting(1, "Jobs that do not run when they do by default.")
    ] = ()


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`POST /api/batch`."""

    enabled: Annotated[bool, setting(1000, "Whether there are batches.", waits=False)] = True
    max_requests: Annotated[
        int,
        setting(
            1001, "Most requests of one.", waits=False, ge=1, le=BATCH_REQUESTS_SETTING_MAX
        ),
    ] = BATCH_REQUESTS_MAX  # fmt: skip
    timeout_sec: Annotated[
        int,
        setting(
            1002, "How long one may take, in seconds.", waits=False, ge=1,
            le=BATCH_SECONDS_SETTING_MAX,
        ),
    ] = int(BATCH_REQUEST_SECONDS)  # fmt: skip
    max_body_bytes: Annotated[
        int,
        setting(
            1003,
            "Largest body of one, in bytes; 0: as of any request. What is above "
            f"{BODY_BYTES_MAX} counts as that.",
            waits=False,
            ge=0,
        ),
    ] = 0


class RateLimitRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often one address may ask for something."""

    label: Annotated[
        str,
        setting(1000, "For what: a path, `METHOD /path`, `/prefix/`, or `collection:action`."),
    ] = ""
    audience: Annotated[str, setting(1001, "For whom: empty, `@guest` or `@auth`.")] = ""
    duration_sec: Annotated[int, setting(1002, "In how many seconds.", ge=1)] = 1
    max_requests: Annotated[int, setting(1003, "How many requests.", ge=1)] = 1


class RateLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often clients may ask."""

    enabled: Annotated[bool, setting(1000, "Whether they are in force.")] = False
    rules: Annotated[tuple[RateLimitRule, ...], setting(1001, "The limits.")] = ()
    excluded_ips: Annotated[
        tuple[str, ...], setting(1002, "Addresses or networks without limits.")
    ] = ()


class TrustedProxy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is believed about who asks; whom to believe is `--trusted-proxies`."""

    headers: Annotated[tuple[str, ...], setting(1000, "Headers that name the client.")] = ()
    use_leftmost_ip: Annotated[bool, setting(1001, "Whether the first address is taken.")] = False


class Logs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The log of requests."""

    min_level: Annotated[int, setting(1000, "Lowest level kept.", ge=-100, le=100)] = 0
    log_ip: Annotated[bool, setting(1001, "Whether clients' addresses are kept.")] = True
    log_auth_id: Annotated[bool, setting(1002, "Whether it is kept who asked.")] = False


class Backups(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Backups made by schedule."""

    cron: Annotated[str, setting(1000, "When one is made, as a cron expression; empty: never.")] = (
        ""
    )
    s3: Annotated[S3Storage | None, setting(1001, "Where they go; unset: into the depot.")] = None
