// Questions that write, of somebody who is logged in.

import { ask } from "./asked.js";

const FIRST = "AZjwwAAAcACAAAAAAAAAAQ==";
const NOT_MADE = "AZjwwAAAcACAAAAAAAAACQ==";

export async function writes(client) {
  const books = client.records("books");
  const id = await books.create({ title: "Lodore", author: 1, tags: { genre: "novel" } });
  const title = async (one = id) => (await books.read(one)).title;
  await ask("a book of one's own", async () => [id.length, await title()], [24, "Lodore"]);
  await books.update(id, { copies: 3, shelf: { type: "Point", coordinates: [5, 6] } });
  await ask("what has changed, and what has not", () => books.read(id), {
    id,
    title: "Lodore",
    author: { id: 1 },
    year: null,
    copies: 3,
    tags: { genre: "novel" },
    shelf: { type: "Point", coordinates: [5, 6] },
  });
  await refusals(books, id);
  await several(client, books);
  await books.delete(id);
  await ask("a book that is gone", () => books.read(id), 404);
}

async function refusals(books, id) {
  await ask("less than nothing", () => books.update(id, { copies: -1 }), 400);
  await ask("an author whom nobody knows", () => books.create({ title: "x", author: 99 }), 400);
  await ask("no number", () => books.update(id, { year: "long ago" }), 400);
  await ask("a book of nobody's", () => books.update(FIRST, { title: "Mine" }), 403);
  await ask("to give it away", () => books.update(id, { _owner: FIRST }), 403);
  await ask("another's name", () => books.create({ title: "x", author: 1, _owner: FIRST }), 403);
  await ask("no book", () => books.delete(NOT_MADE), 403);
}

async function several(client, books) {
  const made = await books.createBulk([
    { title: "Falkner", author: 1 },
    { title: "Valperga", author: 1 },
  ]);
  await ask("two at once", async () => Promise.all(made.map(async (one) => (await books.read(one)).title)), [
    "Falkner",
    "Valperga",
  ]);
  await ask("none of two", () => books.createBulk([{ title: "Matilda", author: 1 }, { title: "x" }]), 400);
  const large = 2n ** 62n + 1n;
  await ask("a whole number of 64 bits", () => client.records("authors").create({ id: large, name: "Ada" }),
    String(large));
  const done = await client.execute([
    books.createOp({ title: "Mathilda", author: 1 }),
    books.updateOp(made[0], { year: 1837 }),
    books.deleteOp(made[1]),
  ]);
  await ask("three in one", async () => [done.length, done[1], (await books.read(made[0])).year], [3, made[0], 1837]);
  await ask("one of them is gone", () => books.read(made[1]), 404);
  await ask(
    "nothing, since one of them fails",
    () => client.execute([books.deleteOp(made[0]), books.updateOp(NOT_MADE, { year: 1 })]),
    403,
  );
  await ask("it is still there", async () => (await books.read(made[0])).title, "Falkner");
  for (const one of [done[0], made[0]]) await books.delete(one);
}
