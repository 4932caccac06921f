// A readable transcript: what is asked, what comes back, and a mark at what was not expected.

import { isDeepStrictEqual, inspect } from "node:util";

export const count = { steps: 0, wrong: 0 };

export const chapter = (title) => console.log(`\n${title}\n${"=".repeat(title.length)}`);

const print = (value, before) =>
  inspect(value, { depth: 9, breakLength: 90, sorted: false }).replaceAll("\n", `\n${before}`);

// `answer` is called; what it returns, or the status of its error, is to be `expected`.
export async function step(question, answer, expected) {
  count.steps += 1;
  let found;
  try {
    found = await answer();
  } catch (error) {
    found = error.status === undefined ? String(error) : { status: error.status };
  }
  console.log(`${question}\n  -> ${print(found, "     ")}`);
  if (!isDeepStrictEqual(found, expected)) {
    count.wrong += 1;
    console.log(`  !! instead of ${print(expected, "     ")}`);
  }
  return found;
}
