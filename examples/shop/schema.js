// The shop's ten collections: eight of records, one of those who log in, one view. Each is made
// after those that it refers to; categories refer to themselves, so that field is added afterwards.

const text = (name, more) => ({ name, type: "text", ...more });
const number = (name, more) => ({ name, type: "number", ...more });
const relation = (name, collectionId, more) =>
  ({ name, type: "relation", collectionId, maxSelect: 1, ...more });
const created = { name: "created", type: "autodate", onCreate: true };

const everybody = { listRule: "", viewRule: "" };
const OWN_ORDER = "customer = @request.auth.id";

function definitions(id) {
  return [
    () => ({ name: "categories", type: "base", ...everybody, fields: [text("name", { required: true })] }),
    () => ({
      name: "suppliers", type: "base", ...everybody,
      fields: [
        text("name", { required: true }),
        { name: "place", type: "geoPoint" },
        { name: "mail", type: "email" },
        text("terms", { hidden: true }),
      ],
    }),
    () => ({ name: "warehouses", type: "base", fields: [text("name"), { name: "place", type: "geoPoint" }] }),
    () => ({
      name: "products", type: "base", ...everybody,
      fields: [
        text("name", { required: true }),
        text("sku", { pattern: "^[A-Z]{2}-\\d+$", required: true }),
        { name: "description", type: "editor" },
        number("price", { min: 0 }),
        number("stock", { min: 0, onlyInt: true }),
        { name: "tags", type: "select", values: ["new", "gift", "sale", "old"], maxSelect: 3 },
        { name: "specs", type: "json" },
        { name: "released", type: "date" },
        { name: "site", type: "url" },
        { name: "active", type: "bool" },
        relation("category", id.categories, { required: true }),
        relation("supplier", id.suppliers),
      ],
      indexes: ["CREATE UNIQUE INDEX `products_sku` ON `products` (`sku`)"],
    }),
    () => ({
      name: "customers", type: "auth", listRule: "", viewRule: "", createRule: "",
      updateRule: "id = @request.auth.id", deleteRule: "id = @request.auth.id",
      fields: [text("name"), relation("favourites", id.products, { maxSelect: 20 })],
    }),
    () => ({
      name: "shelves", type: "base", ...everybody,
      fields: [
        relation("product", id.products, { required: true, cascadeDelete: true }),
        relation("warehouse", id.warehouses),
        number("quantity"),
      ],
    }),
    () => ({
      name: "orders", type: "base", listRule: OWN_ORDER, viewRule: OWN_ORDER,
      createRule: `@request.auth.id != '' && ${OWN_ORDER} && status = 'open'`,
      updateRule: `${OWN_ORDER} && status = 'open' && @request.body.customer:isset = false`,
      fields: [
        relation("customer", id.customers, { required: true }),
        { name: "status", type: "select", values: ["open", "paid", "sent"], required: true },
        text("note"),
        created,
      ],
    }),
    () => ({
      name: "lines", type: "base",
      listRule: `order.${OWN_ORDER}`, viewRule: `order.${OWN_ORDER}`,
      createRule: `order.${OWN_ORDER} && order.status = 'open'`,
      fields: [
        relation("order", id.orders, { required: true, cascadeDelete: true }),
        relation("product", id.products, { required: true }),
        number("quantity", { min: 1, onlyInt: true }),
      ],
    }),
    () => ({
      name: "reviews", type: "base", ...everybody,
      createRule: "author = @request.auth.id && @request.body.stars:isset = true",
      updateRule: "author = @request.auth.id", deleteRule: "author = @request.auth.id",
      fields: [
        relation("product", id.products, { required: true, cascadeDelete: true }),
        relation("author", id.customers, { required: true, cascadeDelete: true }),
        number("stars", { min: 1, max: 5, onlyInt: true, required: true }),
        { name: "body", type: "editor" },
      ],
      indexes: ["CREATE UNIQUE INDEX `reviews_once` ON `reviews` (`product`, `author`)"],
    }),
    () => ({
      name: "ratings", type: "view", ...everybody,
      viewQuery: "SELECT p.id, p.name, COUNT(r.id) AS reviews, CAST(AVG(r.stars) AS REAL) AS stars"
        + " FROM products p LEFT JOIN reviews r ON r.product = p.id GROUP BY p.id",
    }),
  ];
}

// Creates all ten; returns their definitions by name.
export async function makeSchema(pb) {
  const id = {};
  const made = {};
  for (const define of definitions(id)) {
    const collection = await pb.collections.create(define());
    id[collection.name] = collection.id;
    made[collection.name] = collection;
    if (collection.name === "categories") {
      made.categories = await pb.collections.update("categories", {
        fields: [...collection.fields, relation("parent", collection.id)],
      });
    }
  }
  return made;
}
