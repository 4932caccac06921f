// Writing, for who is logged in: one, many at once, several in one transaction; and what is refused.

import { LAKES } from "./reads.js";
import { chapter, step } from "./transcript.js";

export async function writes(client) {
  const hikes = client.records("hikes");
  const own = client.user().id;

  chapter("Writing");
  const id = await hikes.create({ region: 2, title: "Night walk", km: 4, gear: [{ what: "lamp" }] });
  await step("what was created is one's own", async () => {
    const { title, owner, metres_up, gear } = await hikes.read(id);
    return { title, own: owner === own, metres_up, gear };
  }, { title: "Night walk", own: true, metres_up: 0, gear: [{ what: "lamp" }] });
  await step("gear of no such schema", () => hikes.update(id, { gear: [{ pieces: 0 }] }), { status: 400 });
  await step("somebody else's hike", () => hikes.update(LAKES, { title: "Mine" }), { status: 403 });
  await hikes.update(id, { km: 5.5, gear: null });
  await step("changed", async () => (await hikes.read(id)).km, 5.5);

  await many(client, hikes);
  await favourites(client, hikes, id);
  await hikes.delete(id);
  await step("deleted", () => hikes.read(id), { status: 404 });
}

async function many(client, hikes) {
  chapter("Many at once");
  const made = await hikes.createBulk([
    { region: 3, title: "First valley", km: 3 },
    { region: 3, title: "Second valley", km: 6 },
  ]);
  await step("hikes.createBulk([…])", async () => made.length, 2);
  const wrong = [{ region: 3, title: "Third", km: 1 }, { region: 3, title: "Fourth", km: -1 }];
  await step("one of them is wrong", () => hikes.createBulk(wrong), { status: 400 });
  const here = { order: ["title"], filters: [{ column: "region", value: "3" }] };
  const titles = async () => (await hikes.list(here)).records.map((one) => one.title);
  await step("then none is there", titles, ["First valley", "Sea Eye", "Second valley"]);

  const [first, second] = made;
  await step(
    "create, update and delete in one transaction",
    async () => {
      const [ridge] = await client.execute([
        hikes.createOp({ region: 3, title: "Ridge", km: 9 }),
        hikes.updateOp(first, { title: "Valley" }),
        hikes.deleteOp(second),
      ]);
      return (await hikes.read(ridge)).title;
    },
    "Ridge",
  );
  await step("all of it", titles, ["Ridge", "Sea Eye", "Valley"]);
  const half = [hikes.deleteOp(first), hikes.createOp({ region: 99, title: "Nowhere", km: 1 })];
  await step("the second operation fails", () => client.execute(half), { status: 400 });
  await step("nothing of it", titles, ["Ridge", "Sea Eye", "Valley"]);
}

async function favourites(client, hikes, id) {
  chapter("Conflicts");
  const liked = client.records("favourites");
  const show = async () => (await liked.list()).records.map((one) => one.hike);
  await liked.create({ hike: LAKES });
  await step("a favourite", show, [LAKES]);
  await liked.create({ hike: id });
  await step("a second one replaces it", show, [id]);
}
