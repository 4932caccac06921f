// A client of Quillbase's live protocol (docs/realtime-protocol.md), for browsers and for Node. Copy it.
//
//   const live = new Live("http://127.0.0.1:8090", { onState: (state) => console.log(state) });
//   const posts = live.subscribe("posts", {
//     snapshot: (records) => …, // the whole list: at first, and again when events may be missing
//     create: (record) => …, update: (record) => …, delete: (record) => …,
//     leave: (id) => …,         // a record still exists but no longer matches the filter or the rules
//     message: (data) => …,     // of a custom topic
//     error: (error) => …,      // the server refused the subscription: { status, message, data }
//   }, { filter: "stars > 3", leave: true }); // posts.close() ends it
//
// Every handler may be left out, and gets the whole message as its second argument. After a snapshot
// each change is told exactly once and in order, over any number of lost connections: a subscription
// remembers the position of what it was last told and goes on from there. `resync` is called when events
// may be missing and there is no `snapshot` handler, or the list is too "large" for a snapshot.

const SHORTEST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
const CONNECT_MS = 15_000;

export class Live {
  #url;
  #options;
  #socket = null;
  #open = false; // whether `connected` came, and requests may be sent
  #subscriptions = new Map(); // by `sub`, the name that the messages carry
  #count = 0; // names subscriptions and requests
  #failures = 0; // in a row
  #silenceMs = CONNECT_MS;
  #retry; // timers
  #watchdog;

  state = "offline"; // or "connecting", "joining", "live" (all subscriptions are), "closed"
  client = ""; // id of this connection; its first four hex digits are the slot of the worker

  // Connects at once, and again and again until `close()`. Options, all of them optional: `token`, the
  // caller's; onState(state, client); onAuth(message), who the server takes one for; onMessage(message).
  constructor(url, options = {}) {
    this.#url = `${url.replace(/^http/, "ws")}/api/realtime/ws`;
    this.#options = { ...options };
    this.#connect();
  }

  // Listen to "posts", "posts/ID" or a custom topic. Options as in the protocol: filter, leave, expand, …
  subscribe(topic, handlers, options = {}) {
    const sub = `s${++this.#count}`;
    const subscription = { sub, topic, handlers, options, position: null, records: [], ref: null, stage: "" };
    this.#subscriptions.set(sub, subscription);
    if (this.#open) this.#join(subscription);
    return { close: () => this.#leave(sub) };
  }

  // Become the owner of this token, or a guest for ""; subscriptions go on under the new identity.
  login(token) {
    this.#options.token = token;
    if (this.#open) this.#send({ type: "auth", token });
  }

  close() {
    clearTimeout(this.#retry);
    this.#drop("closed");
  }

  #connect() {
    this.#setState("connecting");
    const socket = new WebSocket(this.#url);
    [this.#socket, this.#silenceMs] = [socket, CONNECT_MS];
    this.#watch();
    const current = (act) => (event) => { if (socket === this.#socket) act(event); };
    socket.onmessage = current(({ data }) => this.#receive(JSON.parse(data)));
    socket.onclose = current(() => this.#lost());
  }

  // Nobody says a word for longer than the server's heartbeat allows: the connection is dead.
  #watch() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#lost(), this.#silenceMs);
  }

  #drop(state) {
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    this.#open = false;
    this.client = "";
    socket?.close();
    this.#setState(state);
  }

  // Waits longer each time, and never as long as all the others who lost the same server.
  #lost() {
    const longest = Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** this.#failures++);
    this.#retry = setTimeout(() => this.#connect(), longest * (0.5 + Math.random() / 2));
    this.#drop("offline");
  }

  #send(message) {
    const ref = ++this.#count;
    this.#socket.send(JSON.stringify({ ...message, ref }));
    return ref;
  }

  // Resume where there is something to resume from; else begin with the list, if anybody wants it.
  #join(subscription) {
    const { sub, topic, handlers, options, position } = subscription;
    const from = position ? { since: position } : { snapshot: Boolean(handlers.snapshot) };
    subscription.records = [];
    subscription.stage = "asked";
    subscription.ref = this.#send({ type: "subscribe", topics: [{ ...options, id: sub, topic, ...from }] });
    this.#setState("joining");
  }

  #leave(sub) {
    if (!this.#subscriptions.delete(sub) || !this.#open) return;
    this.#send({ type: "unsubscribe", topics: [sub] });
    this.#checkLive();
  }

  #checkLive() {
    if (![...this.#subscriptions.values()].every(({ stage }) => stage === "live")) return;
    this.#failures = 0;
    this.#setState("live");
  }

  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.#options.onState?.(state, this.client);
  }

  #receive(message) {
    this.#watch();
    this.#options.onMessage?.(message);
    switch (message.type) {
      case "connected": return this.#connected(message);
      case "subscribed": return this.#subscribed(message);
      case "error": return this.#refused(message);
      case "auth": return this.#options.onAuth?.(message);
      case "heartbeat": return this.#heartbeat(message);
      default: if (message.sub) this.#tell(this.#subscriptions.get(message.sub), message);
    }
  }

  #connected({ client, heartbeat }) {
    this.#open = true;
    this.client = client;
    this.#silenceMs = heartbeat * 1_500;
    this.#watch();
    if (this.#options.token) this.#send({ type: "auth", token: this.#options.token });
    for (const subscription of this.#subscriptions.values()) this.#join(subscription);
    this.#checkLive();
  }

  #asked(ref) {
    return [...this.#subscriptions.values()].find((subscription) => subscription.ref === ref);
  }

  #subscribed({ ref }) {
    const subscription = this.#asked(ref);
    if (subscription) subscription.stage = "joining"; // else it was closed meanwhile
  }

  #refused(error) {
    const subscription = this.#asked(error.ref);
    if (!subscription) return this.#options.onAuth?.(error);
    if (error.status === 429 || error.status >= 500) return this.#lost(); // no room now: try again later
    this.#subscriptions.delete(subscription.sub);
    subscription.handlers.error?.(error);
    this.#checkLive();
  }

  // A heartbeat's position holds for all that is live: they were told everything up to it.
  #heartbeat({ position }) {
    if (!position) return;
    for (const each of this.#subscriptions.values()) if (each.stage === "live") each.position = position;
  }

  #tell(subscription, message) {
    if (!subscription || subscription.stage === "asked") return; // closed, or about to be replaced
    const { handlers } = subscription;
    const { type, position } = message;
    if (type === "resync" && handlers.snapshot && message.reason !== "large") {
      if (!subscription.position) return this.#lost(); // the list cannot be read now: try again later
      subscription.position = null;
      return this.#join(subscription); // the same name again replaces the subscription
    }
    if (type === "snapshot") {
      subscription.records = subscription.records.concat(message.records);
      if (message.more) return; // there is no resuming from half a list
    }
    subscription.position = position;
    if (type === "live") {
      subscription.stage = "live";
      return this.#checkLive();
    }
    const told = { snapshot: subscription.records, leave: message.id, message: message.data, resync: message };
    handlers[type]?.(type in told ? told[type] : message.record, message);
  }
}
