"""Prints what Python's PocketBase SDK hears: every record, a filter, expanded fields, one record.

    python listen.py URL EMAIL PASSWORD

Makes the collections `club_people` and `club_notes`, and removes them at the end. This SDK has no
argument for options, so they are written behind the topic as the JavaScript SDK would; and it
passes on only events with an action and a record, so a message to a topic of one's own needs both.
"""

from __future__ import annotations

import json
import queue
import sys
from collections.abc import Callable
from urllib.parse import quote

from pocketbase import PocketBase
from pocketbase.services.realtime_service import MessageData

EVERYBODY = {"type": "base", "listRule": "", "viewRule": ""}
Heard = queue.SimpleQueue[str]


def topic(path: str, **query: str) -> str:
    """A subscription with options."""
    return f"{path}?options={quote(json.dumps({'query': query}))}"


def make_collections(admin: PocketBase) -> None:
    """People, and the notes that they write."""
    name = {"name": "name", "type": "text"}
    people = admin.collections.create({**EVERYBODY, "name": "club_people", "fields": [name]})
    fields = [
        {"name": "text", "type": "text"},
        {"name": "stars", "type": "number"},
        {"name": "author", "type": "relation", "collectionId": people.id},
    ]
    admin.collections.create({**EVERYBODY, "name": "club_notes", "fields": fields})


def hear(name: str, heard: Heard) -> Callable[[MessageData], None]:
    """Print an event under this name; of an expanded author, the name."""

    def listener(message: MessageData) -> None:
        record = message.record
        text = vars(record)["text"]
        author = record.expand.get("author")
        by = f" by {author.name}" if author else ""
        print(f"{name:<28} {message.action:<7} {text}{by}", flush=True)
        heard.put(name)

    return listener


def listen(guest: PocketBase, note: str, heard: Heard) -> None:
    """Subscribe. The first one connects in a thread: it is there when the server has answered."""
    answered: Heard = queue.SimpleQueue()

    def after_send(response: object, data: object, _: object) -> object:
        answered.put(str(response))
        return data

    guest.after_send = after_send
    few = "text,expand.author.name"
    topics = {
        "every note": topic("club_notes/*", fields="text"),
        "filter: stars >= 4": topic("club_notes/*", fields="text", filter="stars >= 4"),
        "expand: author": topic("club_notes/*", fields=few, expand="author"),
        "one note": topic(f"club_notes/{note}", fields="text"),
        "topic club/door": "club/door",
    }
    for name, subscription in topics.items():
        guest.realtime.subscribe(subscription, hear(name, heard))
        answered.get(timeout=10)


def main() -> None:
    """Change some notes and print what is heard; each event before the next change."""
    url, email, password = sys.argv[1:]
    admin, guest = PocketBase(url), PocketBase(url)
    heard: Heard = queue.SimpleQueue()

    def wait(count: int) -> None:
        for _ in range(count):
            heard.get(timeout=10)

    admin.collection("_superusers").auth_with_password(email, password)
    make_collections(admin)
    change = admin.collection("club_notes")
    ada = admin.collection("club_people").create({"name": "Ada"}).id
    note = change.create({"text": "first", "stars": 1, "author": ada}).id
    listen(guest, note, heard)

    change.update(note, {"text": "first, again"})
    wait(3)
    change.update(note, {"stars": 5})
    wait(4)
    change.create({"text": "second", "stars": 2, "author": ada})
    wait(2)
    door = {"topic": "club/door", "data": {"action": "say", "record": {"text": "it is open"}}}
    admin.send("/api/realtime/publish", {"method": "POST", "body": door})
    wait(1)

    guest.realtime.unsubscribe_by_prefix("club_notes/*")
    print(f"{'unsubscribed':<28} club_notes/*", flush=True)
    change.delete(note)
    wait(1)
    guest.realtime.unsubscribe()
    print(f"{'unsubscribed':<28} everything", flush=True)
    admin.collections.delete("club_notes")
    admin.collections.delete("club_people")


if __name__ == "__main__":
    main()
