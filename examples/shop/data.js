// What the shop holds. Few records, so that every answer can be checked by eye.

export const PASSWORD = "a long password";

const CATEGORIES = [["Books"], ["Novels", "Books"], ["Games"], ["Tools"]];
const SUPPLIERS = [
  ["North Press", 18.07, 59.33],
  ["South Mill", 12.5, 41.9],
  ["Harbour Trade", 9.99, 53.55],
];
const PRODUCTS = [
  ["Quill", "QL-1", 12.5, 10, ["new", "gift"], "Tools", "North Press", "2026-01-15 10:00:00.000Z",
    { weight: 5, colours: ["black", "white"] }, "<p>A <b>goose feather</b> for slow letters.</p>"],
  ["Ink", "IN-2", 4, 100, ["gift"], "Tools", "North Press", "2025-06-01 10:00:00.000Z",
    { weight: 50 }, "<p>Dries within the hour.</p>"],
  ["Sea Novel", "NV-3", 9.9, 0, ["new", "sale"], "Novels", "South Mill", "2026-01-20 10:00:00.000Z",
    { weight: 300, pages: 412 }, "<p>Storms, mostly.</p>"],
  ["Chess", "CH-4", 30, 5, ["gift", "sale"], "Games", "Harbour Trade", "2024-03-03 10:00:00.000Z",
    { weight: 900 }, "<p>Two players.</p>"],
  ["Paper", "PA-5", 2, 1000, [], "Tools", "South Mill", "2023-01-01 10:00:00.000Z", null, ""],
  ["Atlas", "AT-6", 45, 3, ["sale"], "Books", "Harbour Trade", "2126-01-01 10:00:00.000Z",
    { weight: 2100 }, "<p>The world in a hundred years.</p>"],
];
const CUSTOMERS = [["ada", true, ["Quill", "Chess"]], ["bob", false, ["Ink"]]];
const REVIEWS = [
  ["Quill", "ada", 5], ["Quill", "bob", 4], ["Chess", "ada", 2], ["Chess", "bob", 5],
  ["Sea Novel", "bob", 4],
];
const SHELVES = [["Quill", "Kiel", 4], ["Chess", "Turin", 5], ["Quill", "Turin", 6]];
const ORDERS = [
  ["ada", "paid", [["Quill", 2], ["Ink", 1]]],
  ["ada", "open", [["Paper", 10]]],
  ["bob", "paid", [["Chess", 1]]],
];

// Creates all of it; returns the ids: `{ products: { Quill: "…" }, … }`.
export async function fill(pb) {
  const ids = {};
  const add = async (collection, name, body) => {
    const record = await pb.collection(collection).create(body);
    (ids[collection] ??= {})[name] = record.id;
    return record.id;
  };
  for (const [name, parent] of CATEGORIES) {
    await add("categories", name, { name, parent: ids.categories?.[parent] ?? "" });
  }
  for (const [name, lon, lat] of SUPPLIERS) {
    await add("suppliers", name, { name, place: { lon, lat }, terms: `terms of ${name}` });
  }
  for (const name of ["Kiel", "Turin"]) await add("warehouses", name, { name });
  for (const [name, sku, price, stock, tags, category, supplier, released, specs, description] of PRODUCTS) {
    await add("products", name, {
      name, sku, price, stock, tags, released, specs, description, active: stock > 0,
      category: ids.categories[category], supplier: ids.suppliers[supplier],
    });
  }
  for (const [name, emailVisibility, favourites] of CUSTOMERS) {
    await add("customers", name, {
      name, email: `${name}@example.com`, emailVisibility, password: PASSWORD, passwordConfirm: PASSWORD,
      favourites: favourites.map((product) => ids.products[product]),
    });
  }
  await fillSales(ids, add);
  return ids;
}

async function fillSales(ids, add) {
  for (const [product, author, stars] of REVIEWS) {
    await add("reviews", `${product} ${author}`,
      { product: ids.products[product], author: ids.customers[author], stars });
  }
  for (const [product, warehouse, quantity] of SHELVES) {
    await add("shelves", `${product} ${warehouse}`,
      { product: ids.products[product], warehouse: ids.warehouses[warehouse], quantity });
  }
  for (const [number, [customer, status, lines]] of ORDERS.entries()) {
    const order = await add("orders", number, { customer: ids.customers[customer], status });
    for (const [product, quantity] of lines) {
      await add("lines", `${number} ${product}`, { order, product: ids.products[product], quantity });
    }
  }
}
