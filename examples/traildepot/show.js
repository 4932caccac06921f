// What a depot in TrailBase's format answers to the TrailBase client from npm.
//
//   node show.js URL EMAIL PASSWORD

import { initClient } from "trailbase";
import { reads } from "./reads.js";
import { chapter, count, step } from "./transcript.js";
import { writes } from "./writes.js";

const [url, email, password] = process.argv.slice(2);
const client = initClient(url);

await reads(client);

chapter("Logging in");
await step("a guest's favourites", () => client.records("favourites").list(), { status: 403 });
await step("a wrong password", () => client.login(email, "wrong"), { status: 401 });
await client.login(email, password);
await step(`logged in as ${email}`, async () => client.user().email, email);

await writes(client);

await client.logout();
await step("logged out", () => client.records("favourites").list(), { status: 403 });
console.log(`\n${count.steps} steps, ${count.wrong} unexpected answers`);
process.exit(count.wrong ? 1 : 0);
