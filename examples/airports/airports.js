// Loads the airports of a CSV file into a collection, queries them, and watches its own changes
// arrive live: everything through the official PocketBase SDK, unchanged.
//
//   node airports.js URL EMAIL PASSWORD airports.csv
//
// Prints one JSON line with what it saw, and fails loudly when something is not as it should be.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { EventSource } from "eventsource";
import PocketBase from "pocketbase";

globalThis.EventSource = EventSource; // Node has none of its own

const IN_FLIGHT = 32;
const COLLECTION = {
  name: "airports",
  type: "base",
  listRule: "",
  viewRule: "",
  fields: [
    { name: "iata", type: "text", required: true, max: 4 },
    { name: "name", type: "text", required: true },
    { name: "city", type: "text" },
    { name: "state", type: "text", max: 2 },
    { name: "country", type: "text" },
    { name: "latitude", type: "number", min: -90, max: 90 },
    { name: "longitude", type: "number", min: -180, max: 180 },
    { name: "updated", type: "autodate", onCreate: true, onUpdate: true },
  ],
  indexes: [
    "CREATE UNIQUE INDEX idx_airports_iata ON airports (iata)",
    "CREATE INDEX idx_airports_state ON airports (state, name)",
  ],
};

// The file has quoted cells with commas in them, and no line breaks inside cells.
function parseCsv(text) {
  const rows = text.trim().split(/\r?\n/).map((line) =>
    [...line.matchAll(/("([^"]|"")*"|[^,]*)(,|$)/g)]
      .slice(0, line.endsWith(",") ? undefined : -1)
      .map(([, cell]) => cell.replace(/^"|"$/g, "").replaceAll('""', '"')));
  const [header, ...body] = rows;
  return body.map((cells) => Object.fromEntries(header.map((name, i) => [name, cells[i] ?? ""])));
}

async function inParallel(items, work) {
  const queue = items.entries();
  const lane = async () => { for (const [, item] of queue) await work(item); };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

async function load(pb, airports) {
  await pb.collections.create(COLLECTION);
  const started = performance.now();
  await inParallel(airports, (airport) => pb.collection("airports").create({
    ...airport, latitude: Number(airport.latitude), longitude: Number(airport.longitude),
  }));
  return Math.round(airports.length / ((performance.now() - started) / 1000));
}

async function query(url) {
  const guest = new PocketBase(url);
  const airports = guest.collection("airports");
  const texas = await airports.getList(1, 5, { filter: 'state = "TX"', sort: "name" });
  const north = await airports.getList(1, 3, { filter: "latitude > 60 && state = 'AK'", sort: "-latitude" });
  const found = await airports.getFirstListItem(guest.filter("iata = {:code}", { code: "SFO" }));
  const all = await airports.getFullList({ fields: "id,iata" });
  await assert.rejects(airports.create({ iata: "XYZ", name: "No" }), { status: 403 });
  return { texas: texas.totalItems, north: north.items.map((a) => a.iata), sfo: found.city, all: all.length };
}

async function watch(pb, url) {
  const guest = new PocketBase(url);
  const seen = [];
  let done;
  const finished = new Promise((resolve) => { done = resolve; });
  await guest.collection("airports").subscribe("*", (event) => {
    seen.push(`${event.action} ${event.record.iata} ${event.record.city}`);
    if (event.action === "delete") done();
  });
  const airports = pb.collection("airports");
  const made = await airports.create({ iata: "QBS", name: "Quill Field", city: "Inkwell" });
  await airports.update(made.id, { city: "Nib" });
  await airports.delete(made.id);
  await finished;
  await guest.collection("airports").unsubscribe();
  return seen;
}

const [url, email, password, file] = process.argv.slice(2);
const pb = new PocketBase(url);
pb.autoCancellation(false);
await pb.collection("_superusers").authWithPassword(email, password);
assert.ok(pb.authStore.isSuperuser);
const airports = parseCsv(readFileSync(file, "utf8"));
const perSecond = await load(pb, airports);
const answers = await query(url);
const events = await watch(pb, url);
assert.equal(answers.all, airports.length);
assert.deepEqual(events, ["create QBS Inkwell", "update QBS Nib", "delete QBS Nib"]);
console.log(JSON.stringify({ airports: airports.length, perSecond, answers, events }));
process.exit(0);
