"""Makes the collection of the board, once, and serves its page until Ctrl-C.

    python3 setup.py API-URL EMAIL PASSWORD [PORT]

The page is three static files; any web server would do. It talks to the API from the browser.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

PORT = 8091
CARDS = {
    "name": "cards",
    "type": "base",
    # Anybody may see and change the board. An empty rule means everybody, None only superusers.
    "listRule": "",
    "viewRule": "",
    "createRule": "",
    "updateRule": "",
    "deleteRule": "",
    "fields": [
        {"name": "title", "type": "text", "required": True, "max": 200},
        {"name": "column", "type": "select", "required": True, "values": ["todo", "doing", "done"]},
        {"name": "label", "type": "select", "values": ["idea", "bug", "chore"]},
        {"name": "rank", "type": "number"},
    ],
}


def call(url: str, body: Mapping[str, object], token: str = "") -> dict[str, object]:
    """POST JSON and return the answer. Raises urllib.error.HTTPError."""
    headers = {"Content-Type": "application/json", "Authorization": token}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        answer: dict[str, object] = json.load(reply)
    return answer


def make_collection(api: str, email: str, password: str) -> None:
    """Create `cards`, unless it is there."""
    collections = f"{api}/api/collections"
    login = {"identity": email, "password": password}
    token = str(call(f"{collections}/_superusers/auth-with-password", login)["token"])
    try:
        call(collections, CARDS, token)
    except urllib.error.HTTPError as error:
        refusal = json.load(error)
        if "name" not in refusal.get("data", {}):  # another reason than that it exists
            sys.exit(f"{error.code}: {refusal}")


class Page(SimpleHTTPRequestHandler):
    """The files of this folder, always the newest."""

    def end_headers(self) -> None:
        """No browser keeps what somebody is editing."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def main() -> None:
    """Make the collection, then serve."""
    api, email, password, *rest = sys.argv[1:]
    make_collection(api, email, password)
    port = int(rest[0]) if rest else PORT
    page = partial(Page, directory=str(Path(__file__).parent))
    with ThreadingHTTPServer(("127.0.0.1", port), page) as server:
        address = f"http://127.0.0.1:{server.server_port}/?api={quote(api, safe=':/')}"
        print(f"The board is at {address}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
