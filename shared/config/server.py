"""The application as a whole: its name and address, bounds of requests, where files are kept."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from shared.config.declaration import setting
from shared.limits import BODY_BYTES_MAX, BODY_BYTES_SETTING_MIN

_WEEK_SECONDS: Final = 7 * 24 * 3600
_TEXT_CHARS_MAX: Final = 255
_BACKUPS_KEPT_MAX: Final = 10_000


class S3Storage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bucket of an object storage that speaks S3."""

    endpoint: Annotated[str, setting(1, "Address of the storage.")] = ""
    region: Annotated[str, setting(2, "Its region.")] = ""
    bucket_name: Annotated[str, setting(3, "Name of the bucket.")] = ""
    access_key: Annotated[str, setting(4, "Id of the key.")] = ""
    secret_access_key: Annotated[str, setting(5, "The key.", secret=True)] = ""
    enabled: Annotated[
        bool | None,
        setting(1000, "Whether it is used. Unset: where there is a bucket."),
    ] = None
    force_path_style: Annotated[
        bool, setting(1001, "Name the bucket in the path rather than in the host.")
    ] = False

    @property
    def in_use(self) -> bool:
        """Files go there."""
        return bool(self.bucket_name) if self.enabled is None else self.enabled


class Server(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the server is to the outside."""

    application_name: Annotated[
        str,
        setting(
            1, "Name of the application, for mails and pages.", min_length=1,
            max_length=_TEXT_CHARS_MAX,
        ),
    ] = "Quillbase"  # fmt: skip
    site_url: Annotated[str, setting(2, "Address under which users reach it.")] = ""
    logs_retention_sec: Annotated[
        int, setting(3, "How long the log of requests is kept, in seconds.", ge=0)
    ] = _WEEK_SECONDS
    s3_storage_config: Annotated[
        S3Storage | None, setting(4, "Where uploaded files are kept; unset: in the depot.")
    ] = None
    enable_record_transactions: Annotated[
        bool, setting(5, "Whether record APIs take transactions.", waits=False)
    ] = False
    request_size_limit_bytes: Annotated[
        int,
        setting(
            6,
            f"Largest body of a request, in bytes; what is above {BODY_BYTES_MAX} counts as that.",
            waits=False,
            ge=BODY_BYTES_SETTING_MIN,
        ),
    ] = BODY_BYTES_MAX
    auth_ip_rate_limit: Annotated[
        int | None, setting(7, "Requests to the auth API that one address has a second.")
    ] = None
    backup_window_size: Annotated[
        int, setting(8, "How many backups made by schedule are kept.", ge=0, le=_BACKUPS_KEPT_MAX)
    ] = 5
    hide_controls: Annotated[
        bool, setting(1000, "Whether the dashboard hides what changes collections.")
    ] = False
    accent_color: Annotated[
        str, setting(1001, "Colour of the dashboard, as #rrggbb.", pattern="^(#[0-9A-Fa-f]{6})?$")
    ] = ""
    superuser_ips: Annotated[
        tuple[str, ...], setting(1002, "Addresses or networks that superusers may come from.")
    ] = ()
