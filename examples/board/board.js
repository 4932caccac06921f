// A task board that is the same in every tab. Writes go by REST; what the page shows comes only from the
// live connection, so that a tab never shows what the server has not stored.
//
//   index.html?api=http://127.0.0.1:8090&filter=bug

import { Cards } from "./cards.js";
import { Live } from "./live.js";

const LINES_SHOWN = 100;
const MESSAGES_KEPT = 10_000;
const query = new URLSearchParams(location.search);
const api = query.get("api") ?? "http://127.0.0.1:8090";
const $ = (id) => document.getElementById(id);

async function ask(method, id = "", fields = undefined) {
  try {
    const reply = await fetch(`${api}/api/collections/cards/records${id && `/${id}`}`, {
      method,
      headers: fields && { "Content-Type": "application/json" },
      body: fields && JSON.stringify(fields),
    });
    refuse(reply.ok ? "" : (await reply.json()).message);
  } catch (error) {
    refuse(`The server did not answer: ${error.message}`);
  }
}

function refuse(message) {
  $("refusal").textContent = message;
  $("refusal").hidden = !message;
}

const cards = new Cards($("columns"), {
  add: (fields) => ask("POST", "", { label: $("filter").value, ...fields }),
  change: (id, fields) => ask("PATCH", id, fields),
  remove: (id) => ask("DELETE", id),
});

const live = new Live(api, { onState: show, onMessage: log });
globalThis.board = { live, log: [] }; // for the console, and for those who test the page

let count = 0;
let subscription;
function listen() {
  const label = $("filter").value;
  subscription?.close();
  subscription = live.subscribe("cards", {
    snapshot: (records) => cards.replaceAll(records),
    create: (record) => cards.put(record),
    update: (record) => cards.put(record),
    delete: (record) => cards.remove(record.id),
    leave: (id) => cards.remove(id),
    error: (error) => refuse(error.message),
  }, { leave: true, ...(label && { filter: `label = "${label}"` }) });
}

function show(state, client) {
  $("status").dataset.state = state;
  $("status").querySelector("b").textContent = state;
  $("slot").textContent = client && `on worker ${parseInt(client.slice(0, 4), 16)}`;
}

function log(message) {
  board.log.push(message);
  if (board.log.length > MESSAGES_KEPT) board.log.shift();
  $("count").textContent = ++count;
  const line = document.createElement("li");
  const what = message.record?.title ?? message.id ?? message.records?.map(({ title }) => title).join(", ") ?? "";
  line.textContent = `${message.type} ${what} ${message.position ?? ""}`;
  $("log").prepend(line);
  if ($("log").children.length > LINES_SHOWN) $("log").lastElementChild.remove();
}

$("filter").value = query.get("filter") ?? "";
$("filter").addEventListener("change", () => {
  query.set("filter", $("filter").value);
  history.replaceState(null, "", `?${query}`);
  listen();
});
listen();
