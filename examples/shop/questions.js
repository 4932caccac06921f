// One question of each kind that a filter, a sort, `fields` and `expand` can put: [kind, ask, answer].
// All are asked as a guest unless the question takes the superuser's client.

const names = (records) => records.map((record) => record.name);

// The names of the products that match, in their order.
const products = (filter, sort = "name") => async ({ guest }) =>
  names(await guest.collection("products").getFullList({ filter, sort }));

export const QUESTIONS = [
  ["plain comparison", products("price >= 10 && active = true"), ["Atlas", "Chess", "Quill"]],
  ["contains", products("name ~ 'p' || sku !~ '-'"), ["Paper"]],
  ["relation path", products("category.parent.name = 'Books'"), ["Sea Novel"]],
  ["all match, back-relation", products("reviews_via_product.stars >= 4"), ["Quill", "Sea Novel"]],
  ["any match, back-relation", products("reviews_via_product.stars ?>= 5"), ["Chess", "Quill"]],
  ["none, back-relation", products("reviews_via_product.id = ''"), ["Atlas", "Ink", "Paper"]],
  ["one review with both", products(
    "reviews_via_product.stars ?= 5 && reviews_via_product.author.name ?= 'bob'"), ["Chess"]],
  ["back-relation of a back-relation", async ({ guest }) => names(
    await guest.collection("categories").getFullList(
      { filter: "products_via_category.reviews_via_product.stars ?= 2" })), ["Games"]],
  ["multiple relation", async ({ guest }) => names(
    await guest.collection("customers").getFullList({ filter: "favourites.name ?= 'Quill'" })), ["ada"]],
  [":each, any", products("tags:each ?= 'sale'"), ["Atlas", "Chess", "Sea Novel"]],
  [":each, all", products("tags:each = 'gift'"), ["Ink"]],
  [":each, none", products("tags:each != 'gift'"), ["Atlas", "Paper", "Sea Novel"]],
  [":length", products("tags:length > 1"), ["Chess", "Quill", "Sea Novel"]],
  [":lower", products("name:lower = 'sea novel'"), ["Sea Novel"]],
  ["geoDistance", async ({ guest }) => names(await guest.collection("suppliers").getFullList(
    { filter: "geoDistance(place.lon, place.lat, 10.0, 53.5) < 100" })), ["Harbour Trade"]],
  ["strftime", products("strftime('%Y-%m', released) = '2026-01'"), ["Quill", "Sea Novel"]],
  ["macro", products("released > @now"), ["Atlas"]],
  ["JSON path", products("specs.weight > 100 && specs.pages = null"), ["Atlas", "Chess"]],
  ["JSON item", products("specs.colours.0 = 'black'"), ["Quill"]],
  ["negative and decimal numbers", products("price > -1.5 && price < 4.5"), ["Ink", "Paper"]],
  ["sort by path", products("stock < 50", "supplier.name,-price"), ["Atlas", "Chess", "Quill", "Sea Novel"]],
  ["@random", async ({ guest }) => names(
    await guest.collection("products").getFullList({ sort: "@random" })).sort(),
  ["Atlas", "Chess", "Ink", "Paper", "Quill", "Sea Novel"]],
  [":excerpt", async ({ guest }) => guest.collection("products").getFirstListItem(
    "sku = 'QL-1'", { fields: "name,description:excerpt(7,true)" }),
  { name: "Quill", description: "A goose..." }],
  ["expand forward and nested", async ({ guest }) => {
    const found = await guest.collection("products").getFirstListItem(
      "name = 'Sea Novel'", { expand: "category.parent,supplier" });
    return [found.expand.supplier.name, found.expand.category.name, found.expand.category.expand.parent.name];
  }, ["South Mill", "Novels", "Books"]],
  ["expand back", async ({ guest }) => {
    const found = await guest.collection("products").getFirstListItem(
      "name = 'Chess'", { expand: "reviews_via_product.author" });
    return found.expand.reviews_via_product.map((r) => `${r.expand.author.name} ${r.stars}`).sort();
  }, ["ada 2", "bob 5"]],
  ["expand what may not be seen", async ({ guest }) => {
    const found = await guest.collection("shelves").getList(1, 1, { expand: "warehouse" });
    return found.items[0].expand;
  }, {}],
  ["getFullList", async ({ guest }) => (await guest.collection("lines").getFullList()).length, 0],
  ["getFirstListItem", async ({ guest }) => (await guest.collection("products").getFirstListItem(
    guest.filter("sku = {:sku}", { sku: "CH-4" }))).name, "Chess"],
  ["a page and its totals", async ({ guest }) => {
    const page = await guest.collection("products").getList(2, 4, { sort: "name" });
    return [names(page.items), page.totalItems, page.totalPages];
  }, [["Quill", "Sea Novel"], 6, 2]],
  ["view collection", async ({ guest }) => (await guest.collection("ratings").getFullList(
    { filter: "reviews > 0", sort: "-stars,name" })).map((r) => `${r.name} ${r.stars}`),
  ["Quill 4.5", "Sea Novel 4", "Chess 3.5"]],
  ["@collection", async ({ pb }) => names(await pb.collection("customers").getFullList({
    filter: "@collection.reviews.author ?= id && @collection.reviews.stars ?= 2" })), ["ada"]],
  ["geoPoint comes back", async ({ guest }) => (await guest.collection("suppliers").getFirstListItem(
    "place.lat > 55")).place, { lon: 18.07, lat: 59.33 }],
];
