// A shop of ten related collections, filled and asked one question of each kind through the official
// PocketBase SDK, unchanged.
//
//   node shop.js URL EMAIL PASSWORD
//
// Prints one line a question with its answer; ends with 1 when an answer is not the expected one.

import { isDeepStrictEqual } from "node:util";
import PocketBase from "pocketbase";
import { fill } from "./data.js";
import { QUESTIONS } from "./questions.js";
import { makeSchema } from "./schema.js";
import { WRITES } from "./writes.js";

const [url, email, password] = process.argv.slice(2);

function client() {
  const pb = new PocketBase(url);
  pb.autoCancellation(false);
  return pb;
}

const plain = (value) => JSON.parse(JSON.stringify(value));

// Puts one question; whether the answer is the expected one.
async function put([kind, ask, expected], shop) {
  let answer;
  try {
    answer = plain((await ask(shop)) ?? null);
  } catch (error) {
    answer = `${error.status ?? error.name}: ${JSON.stringify(error.response ?? error.message)}`;
  }
  const good = isDeepStrictEqual(answer, plain(expected));
  console.log(`${good ? "  " : "! "}${kind.padEnd(36)} ${JSON.stringify(answer)}`);
  if (!good) console.log(`  ${"".padEnd(36)} expected ${JSON.stringify(expected)}`);
  return good;
}

const pb = client();
await pb.collection("_superusers").authWithPassword(email, password);
const schema = await makeSchema(pb);
const shop = { pb, guest: client(), ada: client(), schema, ids: await fill(pb) };
console.log(`  ${Object.keys(schema).length} collections: ${Object.keys(schema).join(", ")}`);
let failed = 0;
for (const question of [...QUESTIONS, ...WRITES]) failed += (await put(question, shop)) ? 0 : 1;
console.log(`  ${QUESTIONS.length + WRITES.length} questions, ${failed} wrong answers`);
process.exit(failed ? 1 : 0);
