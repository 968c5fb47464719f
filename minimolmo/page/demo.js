/* The page of `make demo`: what is on the stage, what is asked, and the answer. The state is in the address.

   board.js      change the picture        pictures.js  kinds of picture     controls.js  tabs and tools
   address.js    links
   answer.js     tokens, points that are being written      inspector.js, inside.js  attended and needed
   verdict.js    what is true              beside.js    other pictures and views
   checks.js     error map, pairs, a game  teach.js     mistakes become data
*/
import { addressOf, readAddress } from "./address.js";
import { Condensing, Player, TokenStrip, percent, readable, timing } from "./answer.js";
import { FourPictures, Views, otherPictures, otherRecords } from "./beside.js";
import { Board, DIAL, canvasOf, grips, outline } from "./board.js";
import { BeatIt, ErrorMap, PairGrid, sweep } from "./checks.js";
import { buildTabs, buildTools, markTools, modelWords } from "./controls.js";
import { drawHeat } from "./inside.js";
import { Inspector } from "./inspector.js";
import * as paint from "./paint.js";
import { Picture, get, make, newestWins, post, prefersStill, round, showError, stream, uploads } from "./picture.js";
import { PHOTO_QUESTIONS, examplesFor, firstRecord, hintFor } from "./pictures.js";
import { Teacher } from "./teach.js";
import { verdictOf } from "./verdict.js";

const $ = (id) => document.getElementById(id);
const FIRST_PACE = 1,
  PACE = 0.35; // of the numbers while they are written: at first, and later
const IDLE = 250; // milliseconds without a change before the other pictures are asked

const FIRST_QUESTION = "Point to the red circle.";
const state = { question: FIRST_QUESTION, view: null, photo: null, model: null, points: [], problems: [] };
let run = null; // the answer that is being written: {controller}
let idle = 0,
  version = 0;

// ---- The stage -----------------------------------------------------------------------------------

const board = new Board(changed, selected);
const stage = new Picture(
  $("stage"),
  {
    down: (x, y) => (state.photo ? false : board.down(x, y)),
    move: (x, y) => board.move(x, y),
    up: () => board.up(),
    cursor: (x, y) => board.cursor(x, y),
    enter: (x, y) => {
      if (!state.photo) stage.say(board.enter(x, y));
    },
    remove: (x, y) => {
      if (!state.photo) board.remove(x, y);
    },
    key: (event) => event.key === "Escape" && (board.select(-1), true),
    hover: (x, y) => {
      if (!board.record) return; // the page is being loaded
      const part = x === null || state.photo ? -1 : board.pressed(x, y);
      const onDial = !state.photo && board.record.type === "clock" && part === DIAL;
      stage.sheet.style.cursor = part < 0 ? "" : onDial ? "move" : "grab";
      showHint(part < 0 ? board.selected : part);
    },
  },
  {
    label:
      "The picture. Arrow keys move a cursor by 1 percent, with Shift by a tenth; Home puts it in the " +
      "middle. Enter takes the thing under it and puts it down. Delete removes it.",
  },
);
const condensing = new Condensing();

/** The overlay, from below: heat of the token under the pointer, numbers being written, the selection. */
function redraw() {
  const high = Math.round((1000 * stage.height) / stage.width),
    pen = stage.draw(1000, high);
  const heat = inspector.heat();
  if (heat) drawHeat(pen, 1000, high, heat.boxes, heat.values, { depth: 0.72 });
  else condensing.draw(pen, 1000, high);
  if (state.photo) return;
  if (board.thing()) outline(pen, board.thing(), high);
  if (board.record.type === "clock" && !heat) grips(pen, paint.clockTips(board.record), high);
}

/** The board was changed: answer at once while something is dragged, and fully when it is put down. */
function changed(record, settled) {
  state.photo = null;
  stage.show(canvasOf(record));
  if (settled) return settle();
  stage.sheet.style.cursor = "grabbing";
  version++;
  clearTimeout(idle);
  run?.controller.abort();
  player.drop();
  condensing.reset();
  inspector.hovered = -1;
  for (const id of ["tokens", "inspector"]) $(id).classList.add("stale");
  redraw();
  live(performance.now());
}

function settle(pace = 0) {
  selected();
  showBoards();
  showExamples();
  if (!state.photo && board.record.type === "scene") map?.choose(board.record, state.question);
  return ask({ pace });
}

/** One request in flight; of those that wait, only the newest is sent. */
const live = newestWins(async (begun) => {
  const asked = version;
  try {
    const [answer] = await sweep([board.record], state.question, state.view);
    if (board.held < 0 || asked > version) return;
    showAnswer(answer.text, answer.points);
    performance.measure("drag", { start: begun, end: performance.now() });
  } catch (error) {
    showError($("answer-error"), error);
  }
});

function selected() {
  markTools($("tools"), board);
  showHint(board.selected);
  redraw();
}

function showHint(part) {
  $("stage-hint").textContent = state.photo
    ? "Drop, paste or pick another photo at any time."
    : hintFor(board.record.type, part);
}

// ---- Asking --------------------------------------------------------------------------------------

const player = new Player(showEvent);
const strip = new TokenStrip($("tokens"), {
  pick: (index) => inspector.pick(index),
  preview: (index) => inspector.preview(index),
});
const inspector = new Inspector(strip, {
  force,
  later,
  redraw,
  source: () => stage.image,
  request: async () => ({ picture: await pictureId(), question: state.question, view: state.view }),
});

/** Ask about what is on the stage. `prefix`: tokens that the answer begins with. `focus`: the token that has the
    keyboard's focus when the answer is there. */
async function ask({ prefix = [], pace = PACE, focus = null } = {}) {
  run?.controller.abort();
  clearTimeout(idle);
  version++;
  const mine = (run = { controller: new AbortController(), finished: false, focus });
  const now = () => run === mine;
  $("stop").disabled = false;
  showError($("answer-error"), null);
  await player.drop();
  if (!now()) return;
  writeAddress();
  showProblems();
  player.start(pace);
  mine.prefix = prefix.length;
  try {
    await streamAnswer(
      prefix,
      (event) => {
        if (now()) player.push(event);
      },
      mine.controller.signal,
    );
    await player.running;
    if (now()) afterwards();
  } catch (error) {
    if (now()) showError($("answer-error"), error);
  } finally {
    if (now()) $("stop").disabled = true;
  }
}

/** Stop the answer: at the server, at its next token, and here. */
async function stop() {
  run?.controller.abort();
  await player.stop();
  $("stop").disabled = true;
  if (run?.finished || !strip.tokens.length) return;
  $("timing").textContent = `stopped after ${strip.tokens.length} tokens`;
  inspector.pick(0);
}

async function streamAnswer(prefix, push, signal) {
  const question = state.question,
    view = state.view;
  const send = async () =>
    stream("/api/ask", { picture: await pictureId(), question, view, prefix }, push, signal);
  try {
    return await send();
  } catch (error) {
    if (state.photo || error.status !== 400 || !ids.size) throw error;
    ids.clear(); // the server may have been started anew, or forgot the picture: send it again
    return send();
  }
}

const ids = new Map(); // record as text -> the picture's id at the server

async function pictureId(record = state.photo ? null : board.record) {
  if (!record) return state.photo.id;
  const key = JSON.stringify(record);
  if (!ids.has(key)) ids.set(key, await sendCanvas(canvasOf(record)));
  if (ids.size > 100) ids.delete(ids.keys().next().value);
  return ids.get(key);
}

async function sendCanvas(canvas) {
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  return (await post("/api/picture", blob)).id;
}

function showEvent(event, animate) {
  if (event.e === "start") {
    condensing.reset();
    inspector.begin(event.boxes);
    strip.start(run.prefix);
    showForced();
    showUnknown(event.unknown);
    if (animate) showAnswer("", []);
  } else if (event.e === "token") {
    strip.add(event, animate);
    condensing.token(event);
    if (!animate) return;
    $("answer-text").textContent =
      strip.tokens
        .map((token) => token.text)
        .join("")
        .trim()
        .split("<")[0] || "…";
    redraw();
  } else if (event.e === "done") finish(event);
}

function finish({ text, points, end, ms }) {
  run.finished = true;
  condensing.reset();
  redraw();
  const verdict = showAnswer(text, points);
  $("timing").textContent =
    timing(strip.tokens.length, ms) + { eos: "", limit: ", cut: too long", stopped: ", stopped" }[end];
  $("announce").textContent = `Answer: ${text} ${verdict}`;
  inspector.pick(run.prefix ? run.prefix - 1 : worthASeeing(strip.tokens), run.prefix > 0);
  const isFree = document.activeElement.matches("body, #inspector *, #forced *"); // its button is gone, or hidden
  if (run.focus !== null && isFree) strip.focus(run.focus);
}

// The first digit of a point; without points the least certain token that is more than a space.
function worthASeeing(tokens) {
  const digit = tokens.findIndex((token) => token.axis === "x" && token.written === "");
  if (digit >= 0) return digit;
  const doubts = tokens.map((token) => (token.text.trim() ? token.p : 2));
  return Math.max(0, doubts.indexOf(Math.min(...doubts)));
}

/** Show an answer's text, points and error; returns the error in words. */
function showAnswer(text, points) {
  state.points = points;
  $("answer-text").textContent = readable(text);
  $("answer-text").dataset.raw = text;
  const { words, strong, good, close, targets } = state.photo
    ? verdictOf(null)
    : verdictOf(board.record, state.question, text, points);
  const marks = points.map(([x, y], i) => ({
    x,
    y,
    shape: "ring",
    tag: String(i + 1),
    glides: board.held >= 0,
  }));
  const truths = good === false ? targets.map(([x, y]) => ({ x, y, shape: "square", tag: "truth" })) : [];
  stage.setPoints([...truths, ...marks]);
  const verdict = $("verdict");
  verdict.replaceChildren(
    ...(strong ? [make("strong", `${close ? "close" : good ? "right" : "wrong"}-answer`, strong), " "] : []),
    words,
  );
  showPointList(points);
  offerTeaching(good, targets);
  return [strong, words].filter(Boolean).join(" ");
}

function showPointList(points) {
  $("points").replaceChildren(
    ...points.map(([x, y], i) => {
      const item = make("li"),
        button = make("button", "small num", `${i + 1}: ${x.toFixed(1)}, ${y.toFixed(1)} %`, {
          type: "button",
        });
      button.title = `${round(x)} % of the width from the left, ${round(y)} % of the height from the top`;
      button.addEventListener("click", () => {
        stage.moveTo(x, y);
        stage.view.focus();
      });
      item.append(button);
      return item;
    }),
  );
}

function showUnknown(words) {
  state.unknown = words?.length
    ? `Its training had no question with ${words.map((word) => `“${word}”`).join(", ")}.`
    : "";
  $("unknown").textContent = state.unknown;
  $("unknown").hidden = !state.unknown;
}

// ---- Looking inside ------------------------------------------------------------------------------

function force(index, id, text, p) {
  const prefix = [...strip.tokens.slice(0, index).map((token) => token.id), id];
  state.forced = { text, p, index };
  ask({ prefix, focus: index });
}

/** Offer to teach a mistake, if this server keeps own data. */
function offerTeaching(good, targets) {
  $("teach").hidden =
    !teacher.enabled || good !== false || !targets.length || !/^point to the /i.test(state.question);
}

async function teachMistake() {
  $("teach").disabled = true;
  try {
    await teacher.teach(board.record, state.question);
    $("verdict").textContent = teacher.next();
    $("teach").hidden = true;
  } catch (error) {
    showError($("answer-error"), error);
  } finally {
    $("teach").disabled = false;
  }
}

function showForced() {
  const { forced } = run.prefix ? state : {};
  $("forced").hidden = !forced;
  if (!forced) return;
  const back = make("button", "small", "Its own answer", { type: "button" });
  back.addEventListener("click", () => ask({ focus: forced.index }));
  $("forced").replaceChildren(
    make(
      "span",
      "hint",
      `You forced “${forced.text}” (${percent(forced.p, 1)}) as token ${forced.index + 1}.`,
    ),
    back,
  );
}

// ---- After an answer: the other pictures, what is inside, the views ------------------------------

const four = new FourPictures($("four"));
let map = null,
  views = null,
  viewsSeen = false,
  teacher = new Teacher(false);

let tail = Promise.resolve();

/** Work for the present answer, one piece after another, so that the server never has to queue it. What is
    sent is not taken back (a batch cannot be stopped), but what has become stale is not sent at all. */
function later(work) {
  const asked = version,
    stale = () => asked !== version;
  tail = tail
    .then(() => stale() || work(stale))
    .catch((error) => {
      if (!stale()) showError($("answer-error"), error);
    });
}

function afterwards() {
  clearTimeout(idle);
  idle = setTimeout(() => {
    later(compare);
    inspector.load();
    if (viewsSeen) later(showViews);
  }, IDLE);
}

async function showViews(stale) {
  await views.run(await pictureId(), state.question, stage.image, stale);
}

async function compare(stale) {
  const isPhoto = Boolean(state.photo),
    records = isPhoto ? {} : otherRecords(board.record, state.question);
  const sources = { right: stage.image, ...otherPictures({ image: stage.image, isPhoto }, board.record, records) };
  const body = { picture: await pictureId(), question: state.question, view: state.view };
  for (const name of ["another", "swapped"]) if (sources[name]) body[name] = await sendCanvas(sources[name]);
  const { answers } = await post("/api/compare", body);
  if (stale()) return;
  const right = answers.find(({ which }) => which === "right");
  for (const { which, text, points } of answers) {
    four.show(which, {
      source: sources[which],
      text,
      points,
      same: which === "right" ? undefined : text === right.text,
      good: records[which] ? verdictOf(records[which], state.question, text, points).good : null,
    });
  }
  for (const name of Object.keys(four.tiles))
    if (!answers.some(({ which }) => which === name)) four.show(name, {});
}

// ---- Photos --------------------------------------------------------------------------------------

async function openPhoto(file) {
  try {
    const { id } = await post("/api/picture", file),
      image = new Image();
    image.src = URL.createObjectURL(file);
    await image.decode();
    if (!state.photo && examplesFor(board.record).includes(state.question))
      $("question").value = state.question = PHOTO_QUESTIONS[0];
    state.photo = { id, image };
    showPhoto();
  } catch (error) {
    showError(
      $("page-error"),
      error instanceof DOMException
        ? new Error("This browser cannot show the file. Try a JPEG or PNG.")
        : error,
    );
  }
}

function showPhoto() {
  showError($("page-error"), null);
  board.select(-1);
  stage.show(state.photo.image);
  showNote();
  settle(PACE);
}

function showNote() {
  const note = $("photo-note");
  note.hidden = !state.photo;
  if (!state.photo) return;
  const eye = make("img", "photo-eye", "", {
    src: `/eye/${state.photo.id}?view=bird`,
    alt: `What the model receives: ${state.model.size} pixels`,
  });
  const words = state.model.words ? `It knows six colours, four shapes, ${state.model.size} px. ` : "";
  note.replaceChildren(
    eye,
    make(
      "p",
      "",
      (state.model.words
        ? `${words}On the left is all that it receives in bird view. Its answer on a photo is babble.`
        : "On the left is the overview that it receives of your photo.") +
        " The address cannot carry a photo: a link to this page keeps only the question.",
    ),
  );
}

// ---- Controls and address ------------------------------------------------------------------------

function showBoards() {
  const now = state.photo ? "photo" : board.record.type;
  for (const button of $("boards").children)
    button.setAttribute("aria-pressed", String(button.dataset.type === now));
  $("photo-note").hidden = !state.photo;
  if ($("tools").dataset.type === now) return;
  $("tools").dataset.type = now;
  showHint(board.selected);
  if (now === "photo") $("tools").replaceChildren(pickButton());
  else buildTools($("tools"), now, board, () => stage.at);
}

let lastPhoto = null;

function openTab(type) {
  if (type !== "photo") openBoard(firstRecord(type));
  else if (state.photo || !lastPhoto) $("file").click();
  else {
    state.photo = lastPhoto;
    showPhoto();
  }
}

function openBoard(record) {
  board.select(-1);
  state.question = examplesFor(record)[0];
  $("question").value = state.question;
  board.load(record);
}

function pickButton() {
  const button = make("button", "", "Pick a photo", { type: "button" });
  button.addEventListener("click", () => $("file").click());
  return button;
}

function showExamples() {
  const questions = state.photo ? PHOTO_QUESTIONS : examplesFor(board.record);
  $("examples").replaceChildren(
    ...questions.map((question) => {
      const button = make("button", "chip", question, { type: "button" });
      button.addEventListener("click", () => askQuestion(question));
      return button;
    }),
  );
}

function askQuestion(question, pace = PACE) {
  state.question = question;
  $("question").value = question;
  if (!state.photo && board.record.type === "scene") map.choose(board.record, question);
  const answer = ask({ pace });
  $("answer-line").scrollIntoView({ block: "nearest", behavior: prefersStill() ? "instant" : "smooth" });
  return answer;
}

function writeAddress() {
  const view = state.view === state.model.view ? null : state.view;
  history.replaceState(null, "", addressOf(state.photo ? null : board.record, state.question, view));
}

/** Take question, view and picture from the address; returns the picture's record, or null. */
function takeAddress() {
  const { question, view, record, problems } = readAddress(location.hash, Object.keys(state.model.views));
  Object.assign(state, { question: question || FIRST_QUESTION, view: view ?? state.model.view, problems });
  $("question").value = state.question;
  views?.mark(state.view);
  return record;
}

/** Say what in the address could not be used, until something else is asked. */
function showProblems() {
  $("link-note").replaceChildren(...state.problems.map((problem) => make("p", "", problem)));
  $("link-note").hidden = !state.problems.length;
  state.problems = [];
}

function openRecord(record, question) {
  state.question = question;
  $("question").value = question;
  board.select(-1);
  board.load(record);
  $("stage-card").scrollIntoView({ block: "start" });
}

// ---- Start ---------------------------------------------------------------------------------------

async function start() {
  state.model = await get("/api/model");
  $("about").textContent = modelWords(state.model);
  views = new Views(
    { host: $("views"), note: $("views-note") },
    {
      names: Object.keys(state.model.views),
      trained: state.model.view,
      size: state.model.size,
      choose: (view) => {
        state.view = view;
        views.mark(view);
        ask();
      },
    },
  );
  buildTabs($("boards"), Object.values(state.model.styles).flat(), openTab);
  listen();
  const record = takeAddress();
  const view = () => state.view,
    teach = (teacher = new Teacher(Boolean(state.model.mine)));
  map = new ErrorMap(
    { canvas: $("map"), text: $("map-text"), button: $("map-run") },
    { open: openRecord, view },
  );
  new PairGrid(
    { host: $("fails"), list: $("mistakes"), text: $("fails-text"), button: $("fails-run") },
    { open: openRecord, view, teach },
  );
  board.record = record ?? firstRecord("scene");
  stage.show(canvasOf(board.record));
  const first = settle(FIRST_PACE);
  new BeatIt(
    { host: $("beat"), question: $("beat-question"), text: $("beat-text"), next: $("beat-next") },
    view,
  );
  $("to-mine").hidden = !teach.enabled;
  await first;
}

function listen() {
  $("ask-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const question = $("question").value.trim();
    if (question) askQuestion(question);
  });
  $("stop").addEventListener("click", stop);
  $("teach").addEventListener("click", teachMistake);
  uploads($("file"), ([file]) =>
    openPhoto(file).then(() => {
      lastPhoto = state.photo ?? lastPhoto;
    }),
  );
  addEventListener("hashchange", () => {
    const record = takeAddress();
    board.select(-1);
    if (record) board.load(record);
    else ask();
  });
  new IntersectionObserver(([entry]) => {
    viewsSeen = entry.isIntersecting;
    if (viewsSeen && strip.picked >= 0) later(showViews);
  }).observe($("views-card"));
}

start().catch((error) => showError($("page-error"), error));
