// What the server has not acknowledged yet: photos, edits and seconds of speech, in the order of their making.
//
// Each record lies in IndexedDB until its acknowledgement, so that it outlives a reload and a stopped server. A
// record is sent again unchanged, which the server takes as the same one:
//
//     {id, kind: "photo", blob, name}
//     {id, kind: "edit", photo, key, base, set, sent}    base: the key's number on the server when it was edited
//     {id, kind: "chunk", photo, take, n, blob}          second n of a recording
//
// The array is what the page shows; the database is its copy, because some browsers refuse one.

const DATABASE = "minimolmo-mine";
const LONGEST_PAUSE = 3000;  // ms between two tries

export class Outbox {
  // hooks: send(record) -> the reply, or throws an Error with status and given, why, try; acknowledged(record,
  // reply); changed()
  constructor(hooks) {
    Object.assign(this, hooks);
    this.records = [];
    this.drafts = new Map();  // "photo/key" -> a value that is not finished, so it is not sent
    this.typing = 0;          // fields whose text is not in a record yet
    this.offline = null;      // the words of the last failure to reach the server
    this.database = null;
    this.nextId = 1;
    this.pause = 250;
  }

  async open() {
    try {
      this.database = await openDatabase();
      this.records = await all(this.database, "records");
      for (const { id, value } of await all(this.database, "drafts")) this.drafts.set(id, value);
    } catch (error) {  // a private window, or a full disk
      this.database = null;
      this.keptNowhere = String(error && error.message || error);
    }
    this.nextId = 1 + Math.max(0, ...this.records.map((record) => record.id));
  }

  // An edit that was never sent, or was refused, is replaced by a later one of its key. One that was sent may have
  // arrived, so it stays, and the later one waits for its number.
  edit(photo, key, base, set) {
    const last = this.records.findLast((record) => isEditOf(record, photo, key));
    if (last && (!last.sent || last.refused || last.conflict)) {
      last.set = set;
      if (last.refused) last.sent = false;
      delete last.refused;
      return this.keep(last);
    }
    return this.keep({ kind: "edit", photo, key, set, base: last ? null : base, sent: false });
  }

  async keep(record) {
    if (!record.id) {
      record.id = this.nextId++;
      this.records.push(record);
    }
    this.changed();
    await this.store("records", (store) => store.put(record));
    this.work();
  }

  async forget(record) {
    this.records = this.records.filter((other) => other !== record);
    await this.store("records", (store) => store.delete(record.id));
    this.changed();
  }

  draft(photo, key, value) {
    const id = `${photo}/${key}`;
    if (value === null) this.drafts.delete(id); else this.drafts.set(id, value);
    this.changed();
    return this.store("drafts", (store) => value === null ? store.delete(id) : store.put({ id, value }));
  }

  async store(name, act) {
    if (!this.database) return;
    try {
      await transact(this.database, name, "readwrite", act);
    } catch (error) {
      this.keptNowhere = String(error && error.message || error);
      this.changed();
    }
  }

  // Records are sent one after another. One that was refused or is in conflict waits for the learner, and with
  // it the later ones of its key; the others go on.
  async work() {
    if (this.working) return;
    this.working = true;
    try {
      for (let record = this.next(); record; record = this.next()) {
        await this.attempt(record);
        this.changed();
        if (this.offline) await this.wait();
      }
    } finally {
      this.working = false;
      this.changed();
    }
  }

  next() {
    const stuck = new Set();
    for (const record of this.records) {
      const subject = record.kind === "edit" ? `${record.photo}/${record.key}`
        : record.kind === "chunk" ? `${record.photo}#${record.take}` : record.id;
      if (record.refused || record.conflict) stuck.add(subject);
      else if (!stuck.has(subject)) return record;
    }
    return null;
  }

  async attempt(record) {
    if (record.kind === "edit" && !record.sent) {
      record.sent = true;
      await this.store("records", (store) => store.put(record));
    }
    let reply;
    try {
      reply = await this.send(record);
    } catch (error) {
      return this.failed(record, error);
    }
    this.offline = null;
    this.pause = 250;
    return this.acknowledge(record, reply);
  }

  async acknowledge(record, reply) {
    await this.hand(record, reply.seq);
    this.acknowledged(record, reply);
    await this.forget(record);
  }

  // The edit after this one gets its base. Returns whether there is one.
  async hand(record, base) {
    const later = record.kind === "edit"
      && this.records.find((other) => other !== record && isEditOf(other, record.photo, record.key));
    if (!later) return false;
    later.base = base;
    await this.store("records", (store) => store.put(later));
    return true;
  }

  async failed(record, error) {
    if (error.status === undefined) throw error;  // no answer, but a mistake of ours
    this.offline = null;
    if (record.kind === "edit" && error.status === 409) {
      record.conflict = { seq: error.body.seq, set: error.body.set };
    } else if (record.kind === "chunk" && error.status === 409 && error.body.next > record.n) {
      return this.acknowledge(record, error.body);
    } else if (isPermanent(error.status)) {
      if (await this.hand(record, record.base)) return this.forget(record);  // the later one may be right
      record.refused = { given: error.given, why: error.why, try: error.attempt };
    } else {
      this.offline = error;
      return;
    }
    await this.store("records", (store) => store.put(record));
  }

  wait() {
    const pause = this.pause;
    this.pause = Math.min(2 * pause, LONGEST_PAUSE);
    return new Promise((resolve) => {
      this.hurry = resolve;
      setTimeout(resolve, pause);
    });
  }

  // The learner chose between two versions of an entry: "mine" is sent on top of the other, or dropped.
  async settle(record, mine) {
    const { seq } = record.conflict;
    const all = this.records.filter((other) => isEditOf(other, record.photo, record.key));
    for (const other of all.slice(0, mine ? -1 : all.length)) await this.forget(other);
    if (!mine) return;
    const last = all.at(-1);
    delete last.conflict;
    Object.assign(last, { base: seq, sent: false });
    await this.keep(last);
  }

  get waiting() {
    return this.records.length + this.typing;
  }
}

function isEditOf(record, photo, key) {
  return record.kind === "edit" && record.photo === photo && record.key === key;
}

// 403: the server was started anew and its key has changed, which the new address mends. 429, 507: later.
function isPermanent(status) {
  return status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status);
}

// IndexedDB with promises

function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("records", { keyPath: "id" });
      request.result.createObjectStore("drafts", { keyPath: "id" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function all(database, name) {
  return transact(database, name, "readonly", (store) => store.getAll());
}

// Resolves when the transaction is complete: only then is a record on the disk.
function transact(database, name, mode, act) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(name, mode, { durability: "strict" });
    const request = act(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}
