// Writes, refusals and what goes beyond records: [kind, do, what it must answer]. They run in order.

import { PASSWORD } from "./data.js";

// The status of a refusal, and the codes of its fields or of the batch's failed request.
async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    const { requests, ...fields } = error.response.data ?? {};
    const codes = Object.entries(fields).map(([name, { code }]) => `${name} ${code}`).sort();
    const failed = Object.entries(requests ?? {}).map(([index, { code }]) => `${index} ${code}`);
    return [error.status, ...codes, ...failed];
  }
  return "it was not refused";
}

// The ETag of a record's view.
async function tagOf(pb, collection, id) {
  let tag;
  pb.afterSend = (response, data) => { tag = response.headers.get("etag"); return data; };
  await pb.collection(collection).getOne(id);
  pb.afterSend = undefined;
  return tag;
}

const LOGINS = [
  ["auth-with-password", async ({ ada }) => {
    const { record } = await ada.collection("customers").authWithPassword("ada@example.com", PASSWORD);
    return [record.name, ada.authStore.isValid];
  }, ["ada", true]],
  ["auth-with-password, wrong", ({ guest }) => refusal(
    guest.collection("customers").authWithPassword("ada@example.com", "another password")), [400]],
  ["auth-refresh", async ({ ada }) => (await ada.collection("customers").authRefresh()).record.name, "ada"],
  ["auth-refresh, guest", ({ guest }) => refusal(guest.collection("customers").authRefresh()), [401]],
  ["emailVisibility", async ({ guest, ada, ids }) => {
    const seen = await guest.collection("customers").getFullList({ sort: "name" });
    const own = await ada.collection("customers").getOne(ids.customers.ada);
    return [seen.map((record) => "email" in record), own.email];
  }, [[true, false], "ada@example.com"]],
];

const REFUSALS = [
  ["locked rule: 403", ({ guest }) => refusal(guest.collection("products").create({ name: "Mine" })), [403]],
  ["list rule filters", async ({ guest, ada }) => [
    (await guest.collection("orders").getList()).totalItems, (await ada.collection("orders").getList()).totalItems,
  ], [0, 2]],
  ["view rule: 404", ({ ada, ids }) => refusal(ada.collection("orders").getOne(ids.orders[2])), [404]],
  ["create rule: 400", ({ ada, ids }) => refusal(
    ada.collection("orders").create({ customer: ids.customers.bob, status: "open" })), [400]],
  ["create rule by a path", ({ ada, ids }) => refusal(ada.collection("lines").create(
    { order: ids.orders[0], product: ids.products.Ink, quantity: 1 })), [400]],
  ["update rule: 404", ({ ada, ids }) => refusal(
    ada.collection("orders").update(ids.orders[0], { note: "late" })), [404]],
  ["@request.body in a rule", ({ ada, ids }) => refusal(
    ada.collection("orders").update(ids.orders[1], { customer: ids.customers.bob })), [404]],
  ["validation: 400", ({ pb, ids }) => refusal(pb.collection("products").update(
    ids.products.Ink, { sku: "ink", price: -1 })),
  [400, "price validation_min_number_constraint", "sku validation_invalid_format"]],
  ["unique: 400", ({ ada, ids }) => refusal(ada.collection("reviews").create(
    { product: ids.products.Quill, author: ids.customers.ada, stars: 1 })),
  [400, "author validation_not_unique", "product validation_not_unique"]],
  ["filter that does not parse: 400", ({ guest }) => refusal(
    guest.collection("products").getList(1, 5, { filter: "price > 5 && (" })), [400]],
  ["hidden field in a filter: 400", ({ guest }) => refusal(
    guest.collection("suppliers").getList(1, 5, { filter: "terms ~ 'North'" })), [400]],
  ["path into a locked collection: 400", ({ guest }) => refusal(
    guest.collection("shelves").getList(1, 5, { filter: "warehouse.name = 'Kiel'" })), [400]],
];

const CHANGES = [
  ["stock-", async ({ pb, ids }) => (await pb.collection("products").update(
    ids.products.Quill, { "stock-": 3 })).stock, 7],
  ["stock- below its minimum: 400", ({ pb, ids }) => refusal(pb.collection("products").update(
    ids.products.Quill, { "stock-": 8 })), [400, "stock validation_min_number_constraint"]],
  ["tags+", async ({ pb, ids }) => (await pb.collection("products").update(
    ids.products.Ink, { "tags+": ["sale"] })).tags, ["gift", "sale"]],
  ["+tags and tags-", async ({ pb, ids }) => {
    await pb.collection("products").update(ids.products.Ink, { "+tags": "new" });
    return (await pb.collection("products").update(ids.products.Ink, { "tags-": "sale" })).tags;
  }, ["new", "gift"]],
  ["an own order and its line", async ({ ada, ids }) => {
    const order = await ada.collection("orders").create({ customer: ids.customers.ada, status: "open" });
    const line = await ada.collection("lines").create(
      { order: order.id, product: ids.products.Chess, quantity: 1 }, { expand: "order.customer,product" });
    return [line.expand.product.name, line.expand.order.expand.customer.name];
  }, ["Chess", "ada"]],
  ["batch with upsert", async ({ pb, ids }) => {
    const batch = pb.createBatch();
    batch.collection("categories").create({ id: "stationeryabcde", name: "Stationery" });
    batch.collection("products").upsert({ id: "sealingwaxabcde", name: "Wax", sku: "WX-7", category: "stationeryabcde" });
    batch.collection("products").upsert({ id: ids.products.Paper, price: 3 });
    batch.collection("categories").delete(ids.categories.Novels);
    return refusal(batch.send());
  }, [400, "3 batch_request_failed"]],
  ["nothing of a failed batch is kept", ({ pb }) => refusal(
    pb.collection("categories").getOne("stationeryabcde")), [404]],
  ["batch, records of earlier requests", async ({ pb, ids }) => {
    const batch = pb.createBatch();
    batch.collection("categories").create({ id: "stationeryabcde", name: "Stationery" });
    batch.collection("products").upsert({ id: "sealingwaxabcde", name: "Wax", sku: "WX-7", category: "stationeryabcde" });
    batch.collection("products").upsert({ id: ids.products.Paper, price: 3 });
    const results = await batch.send();
    return results.map(({ status, body }) => [status, body.name]);
  }, [[200, "Stationery"], [200, "Wax"], [200, "Paper"]]],
  ["If-Match: 412", async ({ pb, ids }) => {
    const headers = { "If-Match": await tagOf(pb, "products", ids.products.Atlas) };
    const first = await pb.collection("products").update(ids.products.Atlas, { price: 46 }, { headers });
    return [first.price, await refusal(
      pb.collection("products").update(ids.products.Atlas, { price: 47 }, { headers }))];
  }, [46, [412]]],
  ["cascade", async ({ pb, ids }) => {
    await pb.collection("orders").delete(ids.orders[0]);
    return (await pb.collection("lines").getList(1, 1, { filter: `order = '${ids.orders[0]}'` })).totalItems;
  }, 0],
  ["a required reference: 400", ({ pb, ids }) => refusal(
    pb.collection("categories").delete(ids.categories.Games)), [400]],
];

// All names by pages of two, each page starting where the last one ended.
async function byCursor(pb) {
  const seen = [];
  for (let cursor = ""; cursor !== null;) {
    const page = await pb.collection("products").getList(1, 2, { sort: "name", cursor });
    seen.push(...page.items.map((record) => record.name));
    cursor = page.nextCursor || null;
  }
  return seen;
}

const ADVICE = "CREATE INDEX `idx_products_stock_price` ON `products` (`stock`, `price`)";

// How SQLite finds and sorts the records of a list, and which index it misses.
async function explained(pb) {
  const query = { filter: "stock = 5", sort: "price", explain: 1 };
  const { page, missingIndexes } = await pb.send("/api/collections/products/records", { query });
  return [...page.plan.map((line) => line.trim()).filter((line) => /^(SCAN|SEARCH|USE).*(r\b|ORDER)/.test(line)),
    ...missingIndexes];
}

const BEYOND = [
  ["paging by cursor", ({ guest }) => byCursor(guest),
    ["Atlas", "Chess", "Ink", "Paper", "Quill", "Sea Novel", "Wax"]],
  ["explain, before the index", ({ pb }) => explained(pb), [
    "SCAN r", "USE TEMP B-TREE FOR ORDER BY", "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)", ADVICE]],
  ["explain, after the index", async ({ pb, schema }) => {
    await pb.collections.update("products", { indexes: [...schema.products.indexes, ADVICE] });
    return explained(pb);
  }, ["SEARCH r USING COVERING INDEX idx_products_stock_price (stock=?)",
    "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"]],
  ["explain, guest: 403", ({ guest }) => refusal(
    guest.send("/api/collections/products/records", { query: { explain: 1 } })), [403]],
];

export const WRITES = [...LOGINS, ...REFUSALS, ...CHANGES, ...BEYOND];
