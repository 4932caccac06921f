"""The file of settings that a new depot gets: comments only, so that it says nothing but how."""

from __future__ import annotations

from typing import Final

DEFAULT_TEXT: Final = """\
# Settings of this depot, in the text format of protocol buffers.
#
# What is not set here has its default; docs/settings.md lists every setting. A change takes effect
# within a second, without a restart; a file that cannot be read leaves the settings as they are.
# `quillbase settings check FILE` tries one out, `quillbase settings show` tells what is in force.
# The dashboard and `PATCH /api/settings` write this file anew, without its comments.
#
# Secrets may be written here; they are moved to secrets/secrets.textproto when the server writes
# the file, and <REDACTED> stays in their place. Environment variables win over this file:
# QUILL_SERVER_APPLICATION_NAME, QUILL_EMAIL_SMTP_PASSWORD, and so on.
#
# server {
#   application_name: "Our application"
#   site_url: "https://example.com"
# }
# email {
#   smtp_host: "mail.example.com"
#   smtp_port: 587
#   smtp_username: "quillbase"
#   smtp_password: "..."
#   sender_name: "Our application"
#   sender_address: "noreply@example.com"
# }
# batch {
#   max_requests: 50
# }
"""
