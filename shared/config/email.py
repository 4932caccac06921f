"""How mail is sent, and what it says."""

from __future__ import annotations

import enum
from typing import Annotated, Final

import msgspec

from shared.config.declaration import setting

PORT_MAX: Final = 65_535
TEXT_CHARS_MAX: Final = 255


class SmtpEncryption(enum.IntEnum):
    """How the connection to the mail server is protected."""

    NONE = 1
    STARTTLS = 2
    TLS = 3


class SmtpAuthMethod(enum.IntEnum):
    """How the mail server is told who we are."""

    PLAIN = 1
    LOGIN = 2


class MailTemplate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One mail; `{{ … }}` in it is filled in."""

    subject: Annotated[str, setting(1, "Subject.")] = ""
    body: Annotated[str, setting(2, "Body, HTML.")] = ""


class Email(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The mail server, the sender, and templates for users of record APIs."""

    smtp_host: Annotated[str, setting(1, "Mail server.", max_length=TEXT_CHARS_MAX)] = ""
    smtp_port: Annotated[int, setting(2, "Its port.", ge=0, le=PORT_MAX)] = 587
    smtp_username: Annotated[str, setting(3, "User name at the mail server.")] = ""
    smtp_password: Annotated[str, setting(4, "Password at the mail server.", secret=True)] = ""
    smtp_encryption: Annotated[SmtpEncryption, setting(5, "How the connection is encrypted.")] = (
        SmtpEncryption.STARTTLS
    )
    sender_name: Annotated[str, setting(6, "Name of the sender.", max_length=TEXT_CHARS_MAX)] = ""
    sender_address: Annotated[
        str, setting(7, "Address of the sender.", max_length=TEXT_CHARS_MAX)
    ] = ""
    user_verification_template: Annotated[
        MailTemplate, setting(8, "Mail that verifies an address.")
    ] = MailTemplate()
    password_reset_template: Annotated[MailTemplate, setting(9, "Mail for a new password.")] = (
        MailTemplate()
    )
    change_email_template: Annotated[
        MailTemplate, setting(10, "Mail that confirms a new address.")
    ] = MailTemplate()
    otp_template: Annotated[MailTemplate, setting(11, "Mail with a one-time code.")] = (
        MailTemplate()
    )
    smtp_enabled: Annotated[
        bool | None,
        setting(1000, "Whether mail goes through the mail server. Unset: where there is a host."),
    ] = None
    smtp_auth_method: Annotated[
        SmtpAuthMethod | None, setting(1001, "How to log in there; PLAIN unless set.")
    ] = None
    smtp_local_name: Annotated[
        str, setting(1002, "Name that we give in the greeting.", max_length=TEXT_CHARS_MAX)
    ] = ""

    @property
    def uses_smtp(self) -> bool:
        """Mail goes through the mail server."""
        return bool(self.smtp_host) if self.smtp_enabled is None else self.smtp_enabled
