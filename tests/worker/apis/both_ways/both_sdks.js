// The two official clients in one program: a list of calls on stdin, a list of answers on stdout.
//
//   node both_sdks.js URL FOLDER_OF_POCKETBASE FOLDER_OF_TRAILBASE
//
// A call is [sdk, name, method, ...arguments]; the name is that of a collection or record API.

import { createRequire } from "node:module";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const [url, first, second] = process.argv.slice(2);
const PocketBase = createRequire(join(first, "package.json"))("pocketbase/cjs");
const trailbase = join(second, "node_modules/trailbase/dist/index.js");
const { initClient } = await import(pathToFileURL(trailbase));

const pb = new PocketBase(url);
pb.autoCancellation(false);
const tb = initClient(url);
const OF = {
  pocketbase: (name) => pb.collection(name),
  trailbase: (name) => tb.records(name),
};

const answers = [];
for (const [sdk, name, method, ...rest] of JSON.parse(await text(process.stdin))) {
  try {
    answers.push({ answer: (await OF[sdk](name)[method](...rest)) ?? null });
  } catch (error) {
    answers.push({ error: error.status ?? String(error) });
  }
}
console.log(JSON.stringify(answers, (_, one) => (typeof one === "bigint" ? Number(one) : one)));
process.exit(0);
