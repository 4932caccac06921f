// Hearing of what happens, as somebody who is logged in.

import { ask } from "./asked.js";

export async function events(client) {
  const books = client.records("books");
  let lost = 0;
  const all = (await books.subscribeAll({ onLoss: () => (lost += 1) })).getReader();
  const novels = (
    await books.subscribeAll({ filters: [{ column: "title", op: "like", value: "The %" }] })
  ).getReader();
  const next = async (reader, shown) => {
    const { value } = await reader.read();
    const [kind] = Object.keys(value);
    return [kind, shown(value[kind]), value.seq];
  };
  const title = (record) => record.title;

  const id = await books.create({ title: "Proserpine", author: 1 });
  const one = (await books.subscribe(id)).getReader();
  await books.update(id, { title: "The Fields of Fancy" });
  await books.delete(id);

  const keys = (record) => Object.keys(record).join(" ");
  await ask("what is told of a new book", () => next(all, keys), [
    "Insert",
    "id title author year copies tags shelf",
    1,
  ]);
  await ask("a change", () => next(all, title), ["Update", "The Fields of Fancy", 2]);
  await ask("that it is gone", () => next(all, title), ["Delete", "The Fields of Fancy", 3]);
  await ask("only what a filter names", () => next(novels, title), ["Update", "The Fields of Fancy", 1]);
  await ask("of one book", () => next(one, (record) => record.author), ["Update", 1, 1]);
  await ask("nothing is lost", async () => lost, 0);
  await ask("no tables behind a view", () => client.records("catalogue").subscribeAll(), 405);
  await ask("nothing of what tells nothing", () => client.records("authors").subscribeAll(), 403);
  await Promise.all([all, novels, one].map((reader) => reader.cancel()));

  const socket = (await books.subscribeWs("*")).getReader();
  let heard = false;
  const first = next(socket, title).finally(() => (heard = true));
  while (!heard) {
    // It does not say when it begins to listen.
    await books.delete(await books.create({ title: "Midas", author: 1 }));
  }
  await ask("the same over a WebSocket", async () => (await first).slice(1), ["Midas", undefined]);
}
