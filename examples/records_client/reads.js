// Questions that only read.

import { ask } from "./asked.js";

const titles = (page) => page.records.map((one) => one.title);
const FIRST = "AZjwwAAAcACAAAAAAAAAAQ==";

export async function reads(client) {
  const books = client.records("books");
  await ask("one book", () => books.read(FIRST), {
    id: FIRST,
    title: "Frankenstein",
    author: { id: 1 },
    year: 1818,
    copies: 1,
    tags: { genre: "horror" },
    shelf: { type: "Point", coordinates: [1, 2] },
  });
  await ask(
    "the same by its other spelling",
    async () => (await books.read("0198f0c0-0000-7000-8000-000000000001")).id,
    FIRST,
  );
  await ask(
    "with its author",
    async () => (await books.read(FIRST, { expand: ["author"] })).author,
    { id: 1, data: { id: 1, name: "Mary Shelley" } },
  );
  await ask("what is not to be expanded", () => books.read(FIRST, { expand: ["_owner"] }), 400);
  await ask("no book", () => books.read("AZjwwAAAcACAAAAAAAAACQ=="), 404);
  await ask("no id", () => books.read("x"), 400);
  await ask("no API", () => client.records("nothing").read(1), 405);
  await lists(client, books);
  await pages(books);
}

async function lists(client, books) {
  const list = async (options) => titles(await books.list(options));
  await ask("by year", () => list({ order: ["-year"], pagination: { limit: 2 } }), [
    "The Dispossessed",
    "Around the World in Eighty Days",
  ]);
  await ask(
    "filters that hold together",
    () =>
      list({
        order: ["year"],
        filters: [
          { column: "title", op: "like", value: "The%" },
          { column: "year", op: "lessThan", value: "1900" },
        ],
      }),
    ["The Last Man"],
  );
  await ask(
    "one or the other",
    () =>
      list({
        order: ["year"],
        filters: [{ or: [
          { column: "year", value: "1818" },
          { column: "title", op: "regexp", value: "^Around" },
        ] }],
      }),
    ["Frankenstein", "Around the World in Eighty Days"],
  );
  await ask(
    "within a rectangle",
    () => list({ filters: [{ column: "shelf", op: "@within", value: "POLYGON((0 0,3 0,3 3,0 3,0 0))" }] }),
    ["Frankenstein"],
  );
  await ask("capitals count", () => list({ filters: [{ column: "title", op: "like", value: "the%" }] }), []);
  await ask("a column that is excluded", () => list({ filters: [{ column: "price", value: "14" }] }), 400);
  await ask("whole numbers of 64 bits", async () => (await client.records("authors").list()).records[0].id,
    9007199254740993n);
  await ask("a view", async () => (await client.records("catalogue").list({ order: ["name", "year"] }))
    .records.map((one) => one.name),
    ["Jules Verne", "Mary Shelley", "Mary Shelley", "Ursula K. Le Guin"]);
  await ask("how many", async () => (await books.list({ count: true, pagination: { limit: 1 } })).total_count, 4);
}

async function pages(books) {
  const found = [];
  let cursor;
  for (;;) {
    const page = await books.list({ order: ["author", "-year"], pagination: { limit: 1, cursor } });
    if (page.records.length === 0) break;
    found.push(...titles(page));
    cursor = page.cursor;
  }
  await ask("page by page, in an order of its own", async () => found, [
    "The Last Man",
    "Frankenstein",
    "Around the World in Eighty Days",
    "The Dispossessed",
  ]);
}
