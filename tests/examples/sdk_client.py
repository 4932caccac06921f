"""Python's PocketBase SDK, driven line by line: one JSON command in, one JSON answer out.

A line is printed for each thing heard. `sdk_client.js` speaks the same for the official SDK.

    python sdk_client.py URL
"""

from __future__ import annotations

import json
import queue
import sys
from collections.abc import Callable
from typing import Any

import httpx
from pocketbase import PocketBase
from pocketbase.errors import ClientResponseError
from pocketbase.models.record import Record
from pocketbase.services.realtime_service import MessageData

_SUBMIT_SECONDS = 20.0
_MISSED_SECONDS = 3.0


def _print(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    """A record as the JSON it came from, but for the names of its keys."""
    if isinstance(value, Record):
        return {key: _plain(each) for key, each in vars(value).items()}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value if isinstance(value, str | int | float | bool | list | None) else str(value)


class Driver:
    """One SDK client and what it was told to do."""

    def __init__(self, url: str) -> None:
        self.pb = PocketBase(url)
        self.pb.after_send = self._after_send
        self._submitted: queue.SimpleQueue[int] = queue.SimpleQueue()

    def _after_send(self, response: httpx.Response, data: Any, _: dict[str, Any]) -> Any:
        if response.url.path == "/api/realtime":
            client = self.pb.realtime.client_id
            _print({"heard": "submit", "data": {"status": response.status_code, "client": client}})
            self._submitted.put(response.status_code)
        return data

    def login(self, *, collection: str, identity: str, password: str) -> None:
        """Log in; later subscriptions are this user's."""
        self.pb.collection(collection).auth_with_password(identity, password)

    def logout(self) -> None:
        """Be a guest from now on."""
        self.pb.auth_store.clear()

    def subscribe(self, *, name: str, topic: str, collection: str = "") -> None:
        """Print what comes under `name`; of a collection when one is named, else of any topic.

        The SDK connects in a thread of its own: wait until the server has the subscription.
        """

        def hear(message: MessageData) -> None:
            record = _plain(message.record)
            _print({"heard": name, "data": {"action": message.action, "record": record}})

        def listen() -> None:
            if not collection:
                self.pb.realtime.subscribe(topic, hear)
            elif topic == "*":
                self.pb.collection(collection).subscribe(hear)
            else:
                self.pb.collection(collection).subscribe_one(topic, hear)

        listen()
        status = self._status(listen)
        if status != 204:
            raise ClientResponseError("refused", status=status)

    def _status(self, listen: Callable[[], None]) -> int:
        """What the server said to the subscription.

        The SDK's thread reads the stream before the SDK listens to its first event; on a machine
        that is busy it misses that, and would wait for ever. Then there is no client id.
        """
        try:
            return self._submitted.get(timeout=_MISSED_SECONDS)
        except queue.Empty:
            if not self.pb.realtime.client_id:
                self.pb.realtime.unsubscribe()
                listen()
            return self._submitted.get(timeout=_SUBMIT_SECONDS)

    def unsubscribe(self, *, collection: str = "", topic: str = "", prefix: str = "") -> None:
        """Stop listening to a topic, to all with a prefix, to a collection's or to everything."""
        if prefix:
            self.pb.realtime.unsubscribe_by_prefix(prefix)
        elif collection:
            self.pb.collection(collection).unsubscribe(*([topic] if topic else []))
        else:
            self.pb.realtime.unsubscribe([topic] if topic else None)
        while not self._submitted.empty():
            self._submitted.get_nowait()

    def forget(self) -> None:
        """Drop the stream without asking the server, which has lost it."""
        self.pb.realtime.client_id = ""
        self.pb.realtime.unsubscribe()


def main() -> None:
    """Obey until the input ends."""
    driver = Driver(sys.argv[1])
    calls: dict[str, Callable[..., None]] = {
        name: getattr(driver, name)
        for name in ("login", "logout", "subscribe", "unsubscribe", "forget")
    }
    for line in sys.stdin:
        command = json.loads(line)
        call = command.pop("call")
        try:
            calls[call](**command)
        except ClientResponseError as error:
            _print({"error": error.status})
        else:
            _print({"answer": None})


if __name__ == "__main__":
    main()
