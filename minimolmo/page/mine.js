// The maker: a learner's photos and what is said about them. This file holds the state and the photos.
//
//     outbox.js  what is not saved yet          saving.js  what the page says about that
//     tasks.js   caption, count, questions      points.js  points, explanations      talk.js  speech
//     finish.js  check, training                scores.js  their table               wire.js    requests
//     fields.js  pieces of panels
//
// A value is an entry of train.jsonl while it is made, e.g. {style: "pointing", label, points, none}. `toEntry`
// says what of it can be saved; an unfinished one is a draft, which stays in this browser.

import { Outbox } from "/outbox.js";
import { Picture, make, showError, uploads } from "/picture.js";
import { api, problem, readable } from "/wire.js";
import { finishScreen, firstProject } from "/finish.js";
import { button, plural, toEntry } from "/fields.js";
import { saveState, showStuck } from "/saving.js";
import { taskPanels } from "/tasks.js";

const element = (id) => document.getElementById(id);
const DEBOUNCE = 400;  // ms after the last key until typed text becomes an edit

const app = {
  photos: [], offered: [], photo: null, task: "points", readonly: true, history: [], acknowledgements: 0,
  values: new Map(),  // photo ID -> Map of key -> value
  seqs: new Map(),    // "photo/key" -> number of the last edit that the server has acknowledged
  put, newKey, flush, announce, tell, closeStep,
};

// State

function newKey(prefix = "k") {
  return prefix + [...crypto.getRandomValues(new Uint8Array(6))].map((byte) => (byte % 36).toString(36)).join("");
}

// Sets one value of a photo (null: removes it), and hands what can be saved to the outbox. typing: wait until the
// learner pauses. undone: do not remember it for Undo.
function put(photo, key, value, { typing = false, undone = false } = {}) {
  if (app.readonly) return;
  const values = app.values.get(photo);
  const before = values.get(key) ?? null;
  if (JSON.stringify(before) === JSON.stringify(value)) return;
  if (!undone) remember({ photo, key, before, typing });
  if (value === null) values.delete(key); else values.set(key, value);
  if (typing) later(photo, key); else save(photo, key);
  if (before === null || value === null) showPhotos();
  showUndo();
}

const timers = new Map();

function later(photo, key) {
  const id = `${photo}/${key}`;
  clearTimeout(timers.get(id)?.timer);
  timers.set(id, { photo, key, timer: setTimeout(() => save(photo, key), DEBOUNCE) });
  app.outbox.typing = timers.size;
  showState();
}

function flush() {
  for (const { photo, key } of [...timers.values()]) save(photo, key);
}

function save(photo, key) {
  const id = `${photo}/${key}`;
  clearTimeout(timers.get(id)?.timer);
  timers.delete(id);
  app.outbox.typing = timers.size;
  const value = app.values.get(photo).get(key) ?? null;
  const entry = value && toEntry(value);
  if (JSON.stringify(entry) !== JSON.stringify(lastSaid(photo, key))) {
    app.outbox.edit(photo, key, app.seqs.get(id) ?? 0, entry);
  }
  app.outbox.draft(photo, key, value && !entry ? value : null);
  showState();
}

// The entry as the server will have it once everything waiting has arrived.
function lastSaid(photo, key) {
  const waiting = app.outbox.records.filter((r) => r.kind === "edit" && r.photo === photo && r.key === key);
  if (waiting.length) return waiting.at(-1).set;
  return app.photos.find((each) => each.id === photo)?.entries[key]?.set ?? null;
}

function remember(step) {
  const last = app.history.at(-1);
  const same = last && step.typing && last.typing && last.photo === step.photo && last.key === step.key;
  if (!same) app.history.push(step);
}

// What follows is a step of its own for Undo.
function closeStep() {
  if (app.history.length) app.history.at(-1).typing = false;
}

function undo() {
  const step = app.history.pop();
  if (!step || app.readonly) return;
  if (app.photo?.id !== step.photo) choose(step.photo);
  put(step.photo, step.key, step.before, { undone: true });
  app.panels.show(app.task);
  announce("Undone.");
}

function showUndo() {
  element("undo").disabled = app.readonly || !app.history.length;
}

// What the server has, then what waits here, then drafts: the order in which they became true.
async function load() {
  let state, number;
  do {  // what was acknowledged meanwhile may not be in it
    number = app.acknowledgements;
    state = await api.state();
  } while (number !== app.acknowledgements);
  flush();
  app.model = state.model;
  element("go-demo").hidden = !app.model;
  app.offered = state.offered;
  app.photos = state.photos;
  app.values = new Map(state.photos.map((photo) => [photo.id, new Map()]));
  for (const photo of state.photos) {
    for (const [key, seq] of Object.entries(photo.seqs)) app.seqs.set(`${photo.id}/${key}`, seq);
    for (const [key, { set }] of Object.entries(photo.entries)) app.values.get(photo.id).set(key, toValue(set));
  }
  for (const { kind, photo, key, set, take } of app.outbox.records) {
    if (kind === "chunk") takeOf(app.photos.find((each) => each.id === photo), take);
    if (kind !== "edit" || !app.values.has(photo)) continue;
    if (set) app.values.get(photo).set(key, toValue(set)); else app.values.get(photo).delete(key);
  }
  for (const [id, value] of app.outbox.drafts) {
    const [photo, key] = id.split("/");
    app.values.get(photo)?.set(key, value);
  }
}

// A photo's recording by its number; it is noted if the server does not have it yet.
function takeOf(photo, number) {
  const found = photo?.takes.find((each) => each.take === number);
  if (photo && !found) photo.takes.push({ take: number, next: 0 });
  return found ?? photo?.takes.at(-1);
}

function toValue(set) {
  const value = structuredClone(set);
  if (value.style === "pointing") value.none = value.points.length === 0;
  return value;
}

function acknowledged(record, reply) {
  app.acknowledgements += 1;
  const photo = app.photos.find((each) => each.id === record.photo);
  if (record.kind === "edit" && photo) {
    app.seqs.set(`${record.photo}/${record.key}`, reply.seq);
    if (record.set) photo.entries[record.key] = { seq: reply.seq, set: record.set };
    else delete photo.entries[record.key];
  } else if (record.kind === "photo") {
    addPhoto(reply);
  } else if (record.kind === "chunk" && photo) {
    const take = takeOf(photo, record.take);
    take.next = Math.max(take.next, reply.next);
    app.panels.arrived?.(record);
  }
  others.postMessage("saved");
}

// Photos

function addPhoto(photo) {
  if (!app.photos.some((each) => each.id === photo.id)) {
    app.photos.push({ entries: {}, seqs: {}, takes: [], ...photo });
    app.values.set(photo.id, new Map());
  }
  showPhotos();
  if (app.photos.length === 1) element("first-project").open = false;
  if (!app.photo) choose(photo.id);
}

async function addFiles(files) {
  if (app.readonly) return;
  for (const file of files) {
    try {
      app.outbox.keep({ kind: "photo", blob: await readable(file), name: file.name });
    } catch (error) {
      showProblem(error);
    }
  }
}

async function addOffered() {
  for (const { n } of app.offered.filter((each) => !each.photo)) {
    try {
      addPhoto(await api.takeOffered(n));
    } catch (error) {
      showProblem(error);
    }
  }
  await load();
  refresh();
}

function showPhotos() {
  const list = element("photos");
  while (list.children.length > app.photos.length) list.lastChild.remove();
  app.photos.forEach((photo, index) => {
    if (list.children[index]?.dataset.photo !== photo.id) {
      list.children[index]?.remove();
      list.insertBefore(thumbnail(photo), list.children[index] ?? null);
    }
    const [choice] = list.children[index].children, number = app.values.get(photo.id).size;
    choice.querySelector(".num").textContent = number;
    choice.setAttribute("aria-label", `Photo ${index + 1}, ${plural(number, "annotation")}`
      + (photo.split === "val" ? ", held out for the score" : ""));
    if (photo.id === app.photo?.id) choice.setAttribute("aria-current", "true");
    else choice.removeAttribute("aria-current");
  });
  const left = app.offered.filter((each) => !each.photo).length;
  element("offered").hidden = left === 0;
  element("offered").textContent = `Add the ${left} from PHOTOS`;
  element("bench").hidden = !app.photo;
}

function thumbnail(photo) {
  const item = make("li", "", "", { "data-photo": photo.id });
  const choice = button("", () => choose(photo.id), "photo");
  const image = make("img", "", "", { src: api.photoPath(photo.id), alt: "", loading: "lazy" });
  choice.append(image, make("span", "num"));
  if (photo.split === "val") choice.append(make("span", "held-out", "val"));
  item.append(choice);
  return item;
}

function choose(id) {
  flush();
  const photo = app.photos.find((each) => each.id === id);
  if (!photo) return;
  if (photo.id !== app.photo?.id) app.panels.stop();
  app.photo = photo;
  app.picture.setZoom(1);
  tell("");
  const image = new Image();
  image.onload = () => app.photo === photo && app.picture.show(image);
  image.onerror = () => showProblem(problem(`Photo ${id}.`, "The server did not send it.", "Reload this page."));
  image.src = api.photoPath(id);
  element("photo-line").textContent = `${photo.width} x ${photo.height} pixels, without place and date. `
    + (photo.split === "val" ? "Held out (val): it measures what the model learned, and is never trained on."
      : "For training.");
  showPhotos();
  app.panels.show(app.task);
  writeAddress();
}

// What the page says about itself

function showState() {
  const readonly = { state: "readonly", text: "Read only: another tab writes." };
  const { state, text } = app.readonly ? readonly : saveState(app.outbox);
  const line = element("save-state");
  if (line.dataset.state !== state && ["offline", "refused", "readonly"].includes(state)) announce(text);
  if (line.dataset.state === "readonly" && state !== "readonly") announce(""); // the lock had only to come
  if (line.dataset.state === "offline" && state === "saved") announce("Everything is saved again.");
  line.dataset.state = state;
  line.textContent = text;
  showStuck(element("messages"), app.outbox, { drop, settle });
}

// A word beside the photo, also for screen readers.
function tell(text) {
  element("photo-word").textContent = text;
  app.picture.say(text);
}

function announce(text) {
  element("announcer").textContent = text;
}

function showProblem(error) {
  const box = make("div");
  showError(box, error);
  box.append(button("Close", () => box.remove()));
  element("messages").append(box);
  box.scrollIntoView({ block: "nearest" });
}

// Without one second, the later ones of a recording are of no use.
async function drop(record) {
  const same = (other) => other === record || (record.kind === "chunk" && other.kind === "chunk"
    && other.photo === record.photo && other.take === record.take);
  for (const each of app.outbox.records.filter(same)) await app.outbox.forget(each);
  await load();
  refresh();
}

async function settle(record, mine) {
  await app.outbox.settle(record, mine);
  await load();
  refresh();
}

function refresh() {
  if (app.photo) app.photo = app.photos.find((each) => each.id === app.photo.id) ?? null;
  showPhotos();
  if (app.photo) app.panels.show(app.task);
  showState();
}

// The address: #ID/task, or #finish

function writeAddress() {
  if (location.hash !== "#finish" && app.photo) history.replaceState(null, "", `#${app.photo.id}/${app.task}`);
}

function readAddress() {
  const finish = location.hash === "#finish";
  const [id, task] = location.hash.slice(1).split("/");
  if (app.panels.has(task)) app.task = task;
  element("work").hidden = finish;
  element("finish").hidden = !finish;
  element("undo").hidden = finish;  // what it undoes is not seen there
  element("go-work").toggleAttribute("aria-current", !finish);
  element("go-finish").toggleAttribute("aria-current", finish);
  if (finish) {
    flush();
    return app.finish.show();
  }
  const wanted = app.photos.find((photo) => photo.id === id) ?? app.photo ?? app.photos[0];
  if (wanted) choose(wanted.id); else showPhotos();
}

// Two tabs: the one with the lock writes, the others look and take over when it is closed.

const others = new BroadcastChannel("minimolmo-mine");

function lock(whenMine) {
  if (!navigator.locks) return whenMine();
  const hold = () => { whenMine(); return new Promise(() => {}); };
  navigator.locks.request("minimolmo-mine", { ifAvailable: true }, (free) => {
    if (free) return hold();
    setReadonly(true);
    others.onmessage = () => load().then(refresh, () => {});  // the server is away: later
    navigator.locks.request("minimolmo-mine", hold);
  });
}

function setReadonly(readonly) {
  app.readonly = readonly;
  document.body.classList.toggle("read-only", readonly);
  for (const field of document.querySelectorAll("fieldset.writes")) field.disabled = readonly;
  showUndo();
  showState();
}

async function becomeWriter() {
  others.onmessage = null;
  await app.outbox.open();
  await load();
  app.outbox.work();
  setReadonly(false);
  refresh();
}

async function start() {
  app.outbox = new Outbox({ send: api.send, acknowledged, changed: showState });
  app.picture = new Picture(element("picture"), {
    add: (x, y) => app.panels.add(x, y), movePoint: (...given) => app.panels.move(...given),
    removePoint: (index) => app.panels.remove(index),
  }, { label: "The photo. Arrow keys move a cursor, Enter places a point, Delete removes the nearest." });
  app.panels = taskPanels(app, element("tasks"), element("task"), writeAddress);
  app.finish = finishScreen(app, element("finish"));
  firstProject(element("first-steps"));
  await load();
  element("first-project").open = app.photos.length === 0;
  readAddress();
  lock(becomeWriter);
}

uploads(element("pick"), addFiles);
element("offered").addEventListener("click", addOffered);
element("undo").addEventListener("click", undo);
addEventListener("hashchange", readAddress);
addEventListener("unhandledrejection", ({ reason }) => showProblem(reason));
addEventListener("pagehide", flush);
addEventListener("focus", () => app.outbox?.hurry?.());
document.addEventListener("change", closeStep);
document.addEventListener("drop", ({ dataTransfer }) => {
  for (const { name, type } of dataTransfer?.files ?? []) {
    if (!type || type.startsWith("image/")) continue;
    showProblem(problem(`${name} (${type}).`, "It is no picture.", "Try JPEG, PNG or WebP."));
  }
});
document.addEventListener("visibilitychange", () => document.hidden && app.outbox && flush());
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing) { event.preventDefault(); undo(); }
});
addEventListener("beforeunload", (event) => {
  if (app.outbox?.keptNowhere && app.outbox.waiting) event.preventDefault();
});
start().catch(showProblem);
