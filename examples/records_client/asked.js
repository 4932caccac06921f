// One question after the other; a wrong answer is marked with `!` and counted.

import { isDeepStrictEqual } from "node:util";

const print = (value) =>
  JSON.stringify(value, (_, one) => (typeof one === "bigint" ? `${one}n` : one)) ?? "nothing";
export const count = { questions: 0, wrong: 0 };

export async function ask(question, answer, expected) {
  count.questions += 1;
  let found;
  try {
    found = await answer();
  } catch (error) {
    found = error.status ?? String(error);
  }
  const right = isDeepStrictEqual(found, expected);
  if (!right) count.wrong += 1;
  const told = right ? print(found) : `${print(found)} instead of ${print(expected)}`;
  console.log(`${right ? " " : "!"} ${question}: ${told}`);
  return found;
}
