"""The table of everything that is answered in PocketBase's dialect, and our own pages beside it."""

from __future__ import annotations

from typing import Final

from worker.http.routes import Handler
from worker.wire.pocketbase import (
    auth,
    backups,
    batch,
    collections,
    files,
    health,
    mirrored,
    publish,
    realtime,
    records,
    settings,
    setup,
    sql,
)
from worker.wire.pocketbase.mirrored import either

_COLLECTIONS: Final = "/api/collections"
_COLLECTION: Final = "/api/collections/{collection}"
_RECORDS: Final = "/api/collections/{collection}/records"
_RECORD: Final = "/api/collections/{collection}/records/{id}"

ROUTES: Final[list[tuple[str, str, Handler]]] = [
    ("GET", _RECORD, either(records.view, mirrored.view)),
    ("GET", _RECORDS, either(records.list_records, mirrored.list_records)),
    ("POST", _RECORDS, either(records.create, mirrored.create)),
    ("PATCH", _RECORD, either(records.update, mirrored.update)),
    ("DELETE", _RECORD, either(records.delete, mirrored.delete)),
    ("POST", "/api/batch", batch.run),
    ("GET", f"{_COLLECTION}/auth-methods", auth.auth_methods),
    ("POST", f"{_COLLECTION}/auth-with-password", auth.auth_with_password),
    ("POST", f"{_COLLECTION}/auth-refresh", auth.auth_refresh),
    ("GET", _COLLECTIONS, collections.list_all),
    ("POST", _COLLECTIONS, collections.create),
    ("GET", _COLLECTION, collections.view),
    ("PATCH", _COLLECTION, collections.update),
    ("DELETE", _COLLECTION, collections.delete),
    ("DELETE", f"{_COLLECTION}/truncate", collections.truncate),
    ("PUT", f"{_COLLECTIONS}/import", collections.import_all),
    ("GET", f"{_COLLECTIONS}/import", collections.view_import),
    ("PATCH", f"{_COLLECTIONS}/import", collections.update_import),
    ("DELETE", f"{_COLLECTIONS}/import", collections.delete_import),
    ("GET", f"{_COLLECTIONS}/meta/scaffolds", collections.show_scaffolds),
    ("GET", f"{_COLLECTIONS}/meta/oauth2-providers", collections.show_providers),
    ("POST", f"{_COLLECTIONS}/meta/dry-run-view", collections.dry_run),
    ("GET", "/api/settings", settings.view),
    ("PATCH", "/api/settings", settings.update),
    ("POST", "/api/settings/test/s3", settings.test_storage),
    ("POST", "/api/settings/test/email", settings.test_email),
    ("POST", "/api/settings/apple/generate-client-secret", settings.apple_secret),
    ("POST", "/api/sql", sql.run),
    ("GET", "/api/backups", backups.list_all),
    ("POST", "/api/backups", backups.create),
    ("POST", "/api/backups/upload", backups.upload),
    ("GET", "/api/backups/{key}", backups.download),
    ("DELETE", "/api/backups/{key}", backups.delete),
    ("POST", "/api/backups/{key}/restore", backups.restore),
    ("GET", "/api/realtime", realtime.open_stream),
    ("POST", "/api/realtime", realtime.set_subscriptions),
    ("POST", "/api/realtime/publish", publish.publish_messages),
    ("POST", "/api/files/token", files.create_token),
    ("GET", "/api/health", health.health),
    ("GET", "/_/health", health.worker_health),
    ("GET", "/_/setup", setup.show),
    ("POST", "/_/setup", setup.submit),
]
