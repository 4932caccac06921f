// Prints what the official PocketBase SDK hears: every record, a filter, expanded fields, one record, a
// topic of one's own, and the silence after unsubscribing.
//
//   node listen.js URL EMAIL PASSWORD
//
// Makes the collections `club_people` and `club_notes`, and removes them at the end.

import { EventSource } from "eventsource";
import PocketBase from "pocketbase";

globalThis.EventSource = EventSource; // Node has none of its own

const [url, email, password] = process.argv.slice(2);
const admin = new PocketBase(url);
const guest = new PocketBase(url);
const notes = guest.collection("club_notes");
let heard = 0;

const print = (name, text) => console.log(`${name.padEnd(28)} ${text}`);
const hear = (name) => ({ action, record }) => {
  heard += 1;
  print(name, `${action.padEnd(7)} ${JSON.stringify(record)}`);
};

// Each event has arrived before the next thing is done, so that the lines come in a fixed order.
async function untilHeard(count) {
  while (heard < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function makeCollections() {
  const everybody = { type: "base", listRule: "", viewRule: "" };
  const people = await admin.collections.create({
    ...everybody, name: "club_people", fields: [{ name: "name", type: "text" }],
  });
  await admin.collections.create({
    ...everybody,
    name: "club_notes",
    fields: [
      { name: "text", type: "text" },
      { name: "stars", type: "number" },
      { name: "author", type: "relation", collectionId: people.id },
    ],
  });
}

async function listen(note) {
  const slim = { fields: "text" };
  await notes.subscribe("*", hear("every note"), slim);
  await notes.subscribe("*", hear("filter: stars >= 4"), { ...slim, filter: "stars >= 4" });
  await notes.subscribe("*", hear("expand: author"), { expand: "author", fields: "text,expand.author.name" });
  await notes.subscribe(note, hear("one note"), slim);
  await guest.realtime.subscribe("club/door", (data) => {
    heard += 1;
    print("topic club/door", JSON.stringify(data));
  });
}

await admin.collection("_superusers").authWithPassword(email, password);
await makeCollections();
const change = admin.collection("club_notes");
const ada = await admin.collection("club_people").create({ name: "Ada" });
const note = await change.create({ text: "first", stars: 1, author: ada.id });
await listen(note.id);

await change.update(note.id, { text: "first, again" });
await untilHeard(3);
await change.update(note.id, { stars: 5 });
await untilHeard(7);
await change.create({ text: "second", stars: 2, author: ada.id });
await untilHeard(9);
await admin.send("/api/realtime/publish", { method: "POST", body: { topic: "club/door", data: "it is open" } });
await untilHeard(10);

await guest.realtime.unsubscribeByPrefix("club_notes/*");
print("unsubscribed", "club_notes/*");
await change.delete(note.id);
await untilHeard(11);
await guest.realtime.unsubscribe();
print("unsubscribed", "everything");
await admin.collections.delete("club_notes");
await admin.collections.delete("club_people");
process.exit(0);
