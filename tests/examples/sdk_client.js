// The official JavaScript SDK, driven line by line: one JSON command in, one JSON answer out, and a
// line for each thing heard. tests/examples/sdk_client.py speaks the same for Python's SDK.
//
//   node sdk_client.js URL FOLDER      FOLDER: the one with node_modules

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [url, folder] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const PocketBase = require("pocketbase/cjs");
globalThis.EventSource = require("eventsource").EventSource; // Node has none of its own

const pb = new PocketBase(url);
pb.autoCancellation(false);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
pb.realtime.onDisconnect = (topics) => print({ heard: "disconnect", data: topics });
pb.afterSend = (response, data) => {
  const { pathname } = new URL(response.url);
  const { status } = response;
  if (pathname === "/api/realtime") print({ heard: "submit", data: { status, client: pb.realtime.clientId } });
  return data;
};

const stops = {};
const COMMANDS = {
  async login({ collection, identity, password, options }) {
    await pb.collection(collection).authWithPassword(identity, password, options);
    return { valid: pb.authStore.isValid, id: pb.authStore.record.id };
  },
  async logout() { pb.authStore.clear(); },
  async fileToken() { return pb.files.getToken(); },
  async externalAuths({ collection, id }) { return pb.collection(collection).listExternalAuths(id); },
  async unlink({ collection, id, provider }) {
    await pb.collection(collection).unlinkExternalAuth(id, provider);
  },
  // Of a collection when one is named, else of any topic.
  async subscribe({ name, collection, topic, options }) {
    const hear = (data) => print({ heard: name, data });
    stops[name] = collection
      ? await pb.collection(collection).subscribe(topic, hear, options)
      : await pb.realtime.subscribe(topic, hear, options);
  },
  async unsubscribe({ name, collection, topic, prefix }) {
    if (name) return stops[name]();
    if (prefix) return pb.realtime.unsubscribeByPrefix(prefix);
    return collection ? pb.collection(collection).unsubscribe(topic) : pb.realtime.unsubscribe(topic);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { call, ...command } = JSON.parse(line);
  try {
    print({ answer: (await COMMANDS[call](command)) ?? null });
  } catch (error) {
    print({ error: error.status ?? String(error), response: error.response });
  }
}
process.exit(0);
