"""A file as a request brought it, held in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Upload:
    """One file part of a form. `name` and `content_type` are the client's word for it."""

    name: str
    content_type: str
    data: bytes

    def __repr__(self) -> str:
        """Short whatever its size, and different for different files."""
        digest = hashlib.sha256(self.data).hexdigest()
        return f"Upload({self.name!r}, {self.content_type!r}, {digest})"


def has_upload(raw: object) -> bool:
    """Whether a value of a decoded body is an upload, or a list that holds one."""
    if isinstance(raw, list):
        return any(isinstance(one, Upload) for one in raw)
    return isinstance(raw, Upload)


def without_uploads(raw: object) -> object:
    """A value of a decoded body with the clients' names in the place of uploads."""
    if isinstance(raw, list):
        return [one.name if isinstance(one, Upload) else one for one in raw]
    return raw.name if isinstance(raw, Upload) else raw
