// The cards in the page: kept sorted by rank in their columns, one element a card. Knows no network.

export const COLUMNS = { todo: "To do", doing: "Doing", done: "Done" };

const template = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
const byRank = (a, b) => a.rank - b.rank || (a.id < b.id ? -1 : 1);

export class Cards {
  #elements = new Map(); // element by the record's id
  #records = new Map(); // record by its id
  #lists = {}; // <ul> by column
  #highest = 0; // rank, of a card or given to one that the server has not told of yet
  #acts;

  // acts: add(fields), change(id, fields), remove(id), which ask the server and change nothing here.
  constructor(main, acts) {
    this.#acts = acts;
    for (const [column, name] of Object.entries(COLUMNS)) main.append(this.#makeColumn(column, name));
  }

  replaceAll(records) {
    for (const id of [...this.#records.keys()]) this.remove(id);
    for (const record of records) this.put(record);
  }

  // A new card or another state of a known one.
  put(record) {
    const element = this.#elements.get(record.id) ?? this.#makeCard(record.id);
    this.#elements.set(record.id, element);
    this.#records.set(record.id, record);
    this.#highest = Math.max(this.#highest, record.rank);
    element.dataset.label = record.label;
    element.querySelector(".label").value = record.label;
    const title = element.querySelector(".title");
    if (title !== document.activeElement) title.textContent = record.title; // not under somebody's fingers
    this.#place(element, record);
    this.#count();
  }

  remove(id) {
    this.#elements.get(id)?.remove();
    this.#elements.delete(id);
    this.#records.delete(id);
    this.#count();
  }

  // A rank behind all cards, or between the card `before` and the one that stands before it.
  rankAt(before = null) {
    const next = this.#records.get(before);
    if (!next) return ++this.#highest;
    const previous = this.#elements.get(before).previousElementSibling;
    return previous ? (this.#records.get(previous.dataset.id).rank + next.rank) / 2 : next.rank - 1;
  }

  #place(element, record) {
    const list = this.#lists[record.column];
    const next = [...list.children].find(
      (other) => other !== element && byRank(this.#records.get(other.dataset.id), record) > 0);
    const stays = element.parentElement === list && element.nextElementSibling === (next ?? null);
    if (!stays) list.insertBefore(element, next ?? null);
  }

  #count() {
    for (const list of Object.values(this.#lists)) {
      list.closest("section").querySelector(".size").textContent = list.children.length;
    }
  }

  #makeColumn(column, name) {
    const section = template("column");
    const [list, form] = [section.querySelector("ul"), section.querySelector("form")];
    this.#lists[column] = list;
    section.id = column;
    section.querySelector(".name").textContent = name;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#acts.add({ title: form.title.value, column, rank: this.rankAt() });
      form.reset();
    });
    section.addEventListener("dragover", (event) => { event.preventDefault(); section.classList.add("target"); });
    section.addEventListener("dragleave", () => section.classList.remove("target"));
    section.addEventListener("drop", (event) => this.#dropped(event, section));
    return section;
  }

  #dropped(event, section) {
    event.preventDefault();
    section.classList.remove("target");
    const id = event.dataTransfer.getData("text/plain");
    const before = event.target.closest("li")?.dataset.id;
    if (!this.#records.has(id) || before === id) return;
    this.#acts.change(id, { column: section.id, rank: this.rankAt(before) });
  }

  #makeCard(id) {
    const element = template("card");
    element.dataset.id = id;
    element.classList.add("new");
    element.addEventListener("dragstart", (event) => {
      event.dataTransfer.setData("text/plain", id);
      element.classList.add("dragged");
    });
    element.addEventListener("dragend", () => element.classList.remove("dragged"));
    element.querySelector(".label").addEventListener("change", (event) =>
      this.#acts.change(id, { label: event.target.value }));
    element.querySelector(".left").addEventListener("click", () => this.#step(id, -1));
    element.querySelector(".right").addEventListener("click", () => this.#step(id, 1));
    element.querySelector(".delete").addEventListener("click", () => this.#acts.remove(id));
    this.#makeEditable(id, element.querySelector(".title"));
    return element;
  }

  #step(id, by) {
    const names = Object.keys(COLUMNS);
    const column = names[names.indexOf(this.#records.get(id).column) + by];
    if (column) this.#acts.change(id, { column, rank: this.rankAt() });
  }

  // Enter keeps, Escape forgets, and so does an empty title.
  #makeEditable(id, title) {
    title.addEventListener("keydown", (event) => {
      if (event.key === "Escape") title.textContent = "";
      if (event.key === "Enter" || event.key === "Escape") title.blur();
    });
    title.addEventListener("blur", () => {
      const written = title.textContent.trim();
      const known = this.#records.get(id)?.title ?? "";
      title.textContent = known;
      if (written && written !== known) this.#acts.change(id, { title: written });
    });
  }
}
