// Tables and a view as APIs, through the TrailBase client from npm.
//
//   node records.js URL EMAIL PASSWORD

import { initClient } from "trailbase";
import { ask, count } from "./asked.js";
import { events } from "./events.js";
import { reads } from "./reads.js";
import { writes } from "./writes.js";

const [url, email, password] = process.argv.slice(2);
const client = initClient(url);

await reads(client);
const modern = client.records("modern");
await ask("a guest where one has to be logged in", () => modern.list(), 403);
await ask("a wrong password", () => client.login(email, "wrong"), 401);
await client.login(email, password);
await ask("who is logged in", async () => client.user().email, email);
await ask("what a rule shows", async () => (await modern.list()).records.map((one) => one.title), [
  "The Dispossessed",
]);
await ask("what it hides", () => modern.read("AZjwwAAAcACAAAAAAAAAAQ=="), 403);
await writes(client);
await events(client);
const old = client.tokens().auth_token;
await client.refreshAuthToken({ force: true });
await ask("another token", async () => client.tokens().auth_token !== old, true);
await client.logout();
await ask("logged out", () => modern.list(), 403);

console.log(`${count.questions} questions, ${count.wrong} wrong answers`);
process.exit(count.wrong ? 1 : 0);
