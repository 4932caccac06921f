// Reading: as a guest, by id, with filters, page by page, as a map; and what the records look like.

import { chapter, step } from "./transcript.js";

const titles = (page) => page.records.map((one) => one.title);
export const LAKES = "AZnA3gAAcACAAAAAAAAAAQ==";

export async function reads(client) {
  const hikes = client.records("hikes");

  chapter("A record");
  await step("hikes.read(id)", () => hikes.read(LAKES), {
    id: LAKES,
    owner: null,
    region: { id: 1 },
    title: "Three lakes",
    km: 14.5,
    metres_up: 820,
    gear: [{ what: "poles", pieces: 2 }, { what: "map" }],
  });
  await step(
    "with its region",
    async () => (await hikes.read(LAKES, { expand: ["region"] })).region,
    { id: 1, data: { id: 1, name: "Alps" } },
  );
  await step("no such hike", () => hikes.read("AZnA3gAAcACAAAAAAAAACQ=="), { status: 404 });

  await lists(client, hikes);
  await pages(hikes);
  await maps(client);
  await schemas(client);
}

async function lists(client, hikes) {
  chapter("Filters and orders");
  const list = async (options) => titles(await hikes.list(options));
  await step("longest first", () => list({ order: ["-km"], pagination: { limit: 2 } }), [
    "Glacier path",
    "Sea Eye",
  ]);
  await step(
    "km >= 15 and metres_up < 1000",
    () =>
      list({
        order: ["title"],
        filters: [
          { column: "km", op: "greaterThanEqual", value: "15" },
          { column: "metres_up", op: "lessThan", value: "1000" },
        ],
      }),
    ["Brocken", "Sea Eye"],
  );
  await step(
    "region 3 or a title that begins with B",
    () =>
      list({
        order: ["title"],
        filters: [
          { or: [{ column: "region", value: "3" }, { column: "title", op: "like", value: "B%" }] },
        ],
      }),
    ["Bode gorge", "Brocken", "Sea Eye"],
  );
  await step("an excluded column", () => list({ filters: [{ column: "budget", value: "40" }] }), {
    status: 400,
  });
  await step(
    "a view",
    async () => (await client.records("overview").list({ order: ["km"] })).records[0],
    { id: "AZnA3gAAcACAAAAAAAAABA==", title: "Bode gorge", km: 10, region: "Harz" },
  );
}

async function pages(hikes) {
  chapter("Page by page");
  let cursor;
  for (const expected of [["Bode gorge", "Three lakes"], ["Brocken", "Sea Eye"], ["Glacier path"]]) {
    const page = await hikes.list({ order: ["km"], count: true, pagination: { limit: 2, cursor } });
    await step(`two of ${page.total_count} by length`, async () => titles(page), expected);
    cursor = page.cursor;
  }
}

async function maps(client) {
  chapter("Another database, with a map");
  const places = client.records("places");
  await step("places.read(1)", () => places.read(1), {
    id: 1,
    name: "Lake hut",
    kind: "hut",
    open: { from: "06-01", to: "09-30" },
    at: { type: "Point", coordinates: [11.25, 47.5] },
  });
  const within = "POLYGON((11 47, 12 47, 12 48, 11 48, 11 47))";
  await step(
    "within a rectangle",
    async () =>
      (await places.list({ order: ["id"], filters: [{ column: "at", op: "@within", value: within }] }))
        .records.map((one) => one.name),
    ["Lake hut", "Cold spring"],
  );
  await step(
    "as GeoJSON",
    async () =>
      (await places.listGeoOp("at", { filters: [{ column: "kind", value: "spring" }] }).query()).features,
    [
      {
        type: "Feature",
        id: 2,
        geometry: { type: "Point", coordinates: [11.5, 47.25] },
        properties: { name: "Cold spring", kind: "spring", open: null },
      },
    ],
  );
}

async function schemas(client) {
  chapter("JSON Schemas");
  const schema = async (api, mode) =>
    (await client.fetch(`/api/records/v1/${api}/schema?mode=${mode}`)).json();
  for (const [mode, required] of [
    ["Select", ["id", "region", "title", "km", "metres_up"]],
    ["Insert", ["region", "title", "km"]],
    ["Update", []],
  ])
    await step(`${mode}: required`, async () => (await schema("hikes", mode)).required, required);
  const hikes = await schema("hikes", "Insert");
  await step("gear is a schema of the settings", async () => hikes.properties.gear, {
    $ref: "#/$defs/gear",
  });
  await step("which says", async () => hikes.$defs.gear.anyOf[0].items.properties, {
    what: { type: "string", minLength: 1 },
    pieces: { type: "integer", minimum: 1 },
  });
}
