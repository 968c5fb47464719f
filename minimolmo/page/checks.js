/* The cards that test the model: an error map, all pairs of colour and kind, and a game against it. */
import { addressOf } from "./address.js";
import { canvasOf, shapeIcon } from "./board.js";
import * as paint from "./paint.js";
import { Picture, make, post, round, showError } from "./picture.js";
import { distance } from "./verdict.js";

const GRID = 16; // places along a side of the error map
const SCENES_A_PAIR = 8;
const GOOD = 3,
  POOR = 12; // percent of the width: the ends of the error map's colours

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const nameOf = ({ color, kind }) => `${color} ${kind}`;
export const pointingQuestion = (thing) => `Point to the ${nameOf(thing)}.`;

/** Answers to one question about many records, in one request: [{text, points}]. */
export async function sweep(records, question, view, signal) {
  const address = `/api/sweep?${new URLSearchParams({ question, view })}`;
  return (await post(address, paint.paintAll(records), signal)).answers;
}

/** Do something once most of an element has been seen for a while. */
function onceSeen(element, act, milliseconds = 600) {
  let timer = 0;
  const observer = new IntersectionObserver(
    ([entry]) => {
      clearTimeout(timer);
      if (entry.isIntersecting)
        timer = setTimeout(() => {
          observer.disconnect();
          act();
        }, milliseconds);
    },
    { threshold: 0.6 },
  );
  observer.observe(element);
}

// ---- Error map -----------------------------------------------------------------------------------

/** One shape on 16 x 16 places, and how far the model's point is from it at each. */
export class ErrorMap {
  constructor({ canvas, text, button }, { open, view }) {
    Object.assign(this, { canvas, text, button, open, view, errors: null });
    button.addEventListener("click", () => this.run());
    canvas.tabIndex = 0;
    onceSeen(canvas, () => this.errors ?? this.run());
    canvas.addEventListener("click", (event) => this.#openAt(event));
    canvas.addEventListener("pointermove", (event) => this.#tell(this.#cell(event)));
    canvas.addEventListener("pointerleave", () => this.#tell(-1));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    this.at = 0;
  }

  /** Choose the thing that is swept: the one that the question names, or the first. It comes on top. */
  choose({ things, ...rest }, question) {
    const swept = things.find((thing) => question.toLowerCase().includes(nameOf(thing))) ?? things[0];
    this.record = { ...rest, things: [...things.filter((thing) => thing !== swept), swept] };
    this.index = things.length - 1;
    this.button.textContent = `Sweep the ${nameOf(swept)}`;
  }

  async run() {
    this.button.disabled = true;
    try {
      const begun = performance.now(),
        thing = this.record.things[this.index];
      this.records = paint.sweep(this.record, this.index, GRID);
      const targets = this.records.map((record) => record.things[this.index]);
      const answers = await sweep(this.records, pointingQuestion(thing), this.view());
      this.errors = answers.map(({ points }, i) => {
        const far = points.map((point) => distance(point, [targets[i].x, targets[i].y]));
        return far.length === 1 ? far[0] : Infinity;
      });
      this.#draw();
      this.seconds = (performance.now() - begun) / 1000;
      this.#tell(-1);
    } catch (error) {
      showError(this.text, error);
    } finally {
      this.button.disabled = false;
    }
  }

  #draw() {
    const pen = this.canvas.getContext("2d"),
      size = this.canvas.width / GRID;
    this.errors.forEach((error, i) => {
      pen.fillStyle = errorColor(error);
      pen.fillRect((i % GRID) * size, Math.floor(i / GRID) * size, size - 1, size - 1);
      if (error <= POOR) return;
      pen.fillStyle = "#fff"; // far off: a mark that does not need colour
      pen.font = `700 ${size * 0.6}px system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText("×", ((i % GRID) + 0.5) * size, (Math.floor(i / GRID) + 0.5) * size);
    });
  }

  #tell(cell) {
    if (!this.errors) return;
    this.text.className = "num";
    if (cell >= 0) {
      const { x, y } = this.records[cell].things[this.index],
        error = this.errors[cell];
      const words = Number.isFinite(error) ? `${error.toFixed(1)} % off` : "not one point";
      this.text.textContent = `At ${round(x)}, ${round(y)}: ${words}. Click to open it.`;
      return;
    }
    const found = this.errors.filter(Number.isFinite),
      far = this.errors.filter((error) => error > POOR).length;
    const worst = Math.max(...found);
    const errors = `Of ${found.length} with one point: median ${median(found).toFixed(1)} %, worst ${worst.toFixed(1)} %.`;
    const misses = `Not one point, or over ${POOR} % off (×): ${far} of ${GRID * GRID}.`;
    this.text.textContent = `${errors} ${misses} ${this.seconds.toFixed(1)} s.`;
    this.canvas.setAttribute("aria-label", this.text.textContent);
  }

  #cell(event) {
    const box = this.canvas.getBoundingClientRect();
    const along = (value) => Math.min(GRID - 1, Math.max(0, Math.floor(value * GRID)));
    return (
      along((event.clientY - box.top) / box.height) * GRID + along((event.clientX - box.left) / box.width)
    );
  }

  #openAt(event) {
    if (this.errors)
      this.open(this.records[this.#cell(event)], pointingQuestion(this.record.things[this.index]));
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -GRID, ArrowDown: GRID }[event.key];
    if (!this.errors || !(step || event.key === "Enter")) return;
    event.preventDefault();
    if (!step) return this.open(this.records[this.at], pointingQuestion(this.record.things[this.index]));
    this.at = Math.min(GRID * GRID - 1, Math.max(0, this.at + step));
    this.#tell(this.at);
  }
}

/** From a quiet green to a strong red, in steps of lightness too. */
function errorColor(error) {
  const t = Math.min(1, Math.max(0, (error - GOOD / 6) / (POOR - GOOD / 6)));
  const stops = [
    [214, 236, 222],
    [250, 217, 150],
    [226, 110, 70],
    [140, 20, 60],
  ];
  const at = t * (stops.length - 1),
    i = Math.min(stops.length - 2, Math.floor(at)),
    share = at - i;
  return `rgb(${stops[i].map((value, k) => Math.round(value + share * (stops[i + 1][k] - value))).join()})`;
}

// ---- Where it fails ------------------------------------------------------------------------------

/** All 24 pairs of colour and kind, each in scenes of its own; mistakes can be opened, and taught. */
export class PairGrid {
  constructor({ host, list, text, button }, { open, view, teach }) {
    Object.assign(this, {
      host,
      list,
      text,
      button,
      open,
      view,
      teach,
      cells: new Map(),
      mistakes: new Map(),
    });
    button.addEventListener("click", () => this.run());
    this.#build();
  }

  #build() {
    const table = make("table", "fails"),
      head = make("tr"),
      body = make("tbody");
    const colors = Object.keys(paint.COLORS);
    head.append(make("td"), ...colors.map((color) => heading("col", shapeIcon("circle", color), color)));
    for (const kind of Object.keys(paint.KINDS)) {
      const row = make("tr");
      row.append(heading("row", shapeIcon(kind), kind));
      for (const color of colors) row.append(this.#cell({ color, kind }));
      body.append(row);
    }
    const top = make("thead");
    top.append(head);
    table.append(top, body);
    this.host.replaceChildren(table);
  }

  #cell(pair) {
    const name = nameOf(pair),
      novel = paint.HELD_OUT.includes(name);
    const cell = make("td", novel ? "novel" : ""),
      button = make("button", "", "·", { type: "button", "aria-label": name });
    button.title = novel ? `${name}: never seen in training` : name;
    button.addEventListener("click", () => this.#list(name));
    cell.append(button);
    this.cells.set(name, button);
    return cell;
  }

  async run() {
    this.button.disabled = true;
    const rng = new paint.Random(Math.floor(Math.random() * 2 ** 32));
    let right = 0,
      all = 0;
    try {
      for (const pair of paint.allPairs()) {
        right += await this.#test(pair, rng);
        all += SCENES_A_PAIR;
        this.text.textContent = `${right} of ${all} points lie inside the shape.`;
      }
      const worst = [...this.mistakes].sort((a, b) => b[1].length - a[1].length)[0];
      if (worst?.[1].length) this.#list(worst[0]);
    } catch (error) {
      showError(this.list, error);
    } finally {
      this.button.disabled = false;
    }
  }

  async #test(pair, rng) {
    const others = paint.allPairs().filter((other) => !other.novel && nameOf(other) !== nameOf(pair));
    const records = Array.from({ length: SCENES_A_PAIR }, () =>
      paint.randomScene(rng, [pair, ...rng.sample(others, rng.integer(1, 4))]),
    );
    const answers = await sweep(records, pointingQuestion(pair), this.view());
    const wrong = records.map((record, i) => ({ record, ...answers[i] })).filter((one) => !isInside(one));
    const button = this.cells.get(nameOf(pair)),
      good = SCENES_A_PAIR - wrong.length;
    this.mistakes.set(nameOf(pair), wrong);
    button.textContent = `${good}/${SCENES_A_PAIR}`;
    button.style.setProperty("--wrong", wrong.length / SCENES_A_PAIR);
    button.setAttribute(
      "aria-label",
      `${nameOf(pair)}${pair.novel ? ", never seen in training" : ""}: ${good} of ${SCENES_A_PAIR} right`,
    );
    return good;
  }

  #list(name) {
    const wrong = this.mistakes.get(name);
    this.list.className = "stack";
    if (!wrong) return;
    const items = make("div", "mistake-list");
    items.append(...wrong.map((mistake) => this.#mistake(name, mistake)));
    const title = wrong.length ? `Mistakes with the ${name}` : `No mistake with the ${name}`;
    this.list.replaceChildren(make("h3", "", title), items);
  }

  #mistake(name, { record, text, points }) {
    const question = `Point to the ${name}.`,
      item = make("div", "stack"),
      canvas = canvasOf(record, make("canvas", "", "", { width: 128, height: 128 }));
    const pen = canvas.getContext("2d");
    for (const [x, y] of points) ring(pen, x * 1.28, y * 1.28);
    const link = make("a", "link", "Open", { href: addressOf(record, question) });
    link.addEventListener("click", (event) => {
      event.preventDefault();
      this.open(record, question);
    });
    const row = make("div", "row");
    row.append(link);
    if (this.teach.enabled) row.append(this.#teachButton(record, question));
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${question} ${text}`);
    item.append(canvas, row);
    return item;
  }

  #teachButton(record, question) {
    const button = make("button", "small", "Teach it", {
      type: "button",
      title: "Put this picture, with the right points, into data/mine",
    });
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await this.teach.teach(record, question);
        button.textContent = "Taught";
        this.text.textContent = this.teach.next();
      } catch (error) {
        button.disabled = false;
        showError(this.text, error);
      }
    });
    return button;
  }
}

function heading(scope, icon, text) {
  const cell = make("th", "", "", { scope });
  cell.append(icon, make("span", "name", text));
  return cell;
}

function isInside({ record, points }) {
  const { x, y, width, height } = record.things[0];
  return (
    points.length === 1 && Math.abs(points[0][0] - x) <= width / 2 && Math.abs(points[0][1] - y) <= height / 2
  );
}

function ring(pen, x, y) {
  for (const [color, width] of [
    ["#000", 5],
    ["#fff", 3.6],
    ["#e0156a", 2],
  ]) {
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(x, y, 8, 0, 7);
    pen.stroke();
  }
}

// ---- Beat it -------------------------------------------------------------------------------------

/** A round: you click the centre of a shape, then the model's point is shown, and both errors. */
export class BeatIt {
  constructor({ host, question, text, next }, view) {
    Object.assign(this, { question, text, view, won: 0, lost: 0 });
    const handlers = {
      down: (x, y) => {
        this.#guess(x, y);
        return false;
      },
      enter: (x, y) => this.#guess(x, y),
    };
    this.picture = new Picture(host, handlers, {
      label: "Beat it: click the centre of the shape. Arrow keys move a cursor, Enter places your cross.",
      zoom: false,
    });
    this.rng = new paint.Random(Math.floor(Math.random() * 2 ** 32));
    next.addEventListener("click", () => this.begin());
    this.begin();
  }

  begin() {
    this.record = paint.randomScene(this.rng);
    this.thing = this.rng.choice(this.record.things);
    this.done = false;
    this.question.textContent = `Click the centre of the ${nameOf(this.thing)}.`;
    this.picture.show(canvasOf(this.record));
    this.picture.setPoints([]);
  }

  async #guess(x, y) {
    if (this.done) return;
    this.done = true;
    try {
      const [answer] = await sweep([this.record], pointingQuestion(this.thing), this.view());
      this.#show([x, y], answer.points[0]);
    } catch (error) {
      this.done = false;
      showError(this.text, error);
    }
  }

  #show(mine, model) {
    const target = [this.thing.x, this.thing.y],
      yours = distance(mine, target);
    const its = model ? distance(model, target) : Infinity;
    const marks = [
      ["cross", "1 you", mine],
      ["ring", "2 model", model],
      ["square", "3 truth", target],
    ];
    this.picture.setPoints(
      marks.filter((mark) => mark[2]).map(([shape, tag, [x, y]]) => ({ shape, tag: tag[0], x, y })),
    );
    if (yours < its) this.won++;
    else this.lost++;
    const off = Number.isFinite(its) ? `${its.toFixed(1)} %` : "no point";
    this.text.className = "num";
    const errors = `1 you: ${yours.toFixed(1)} %, 2 the model: ${off} (3 is the truth).`;
    const winner = yours < its ? "You win." : "It wins.";
    this.text.textContent = `${errors} ${winner} You ${this.won}, it ${this.lost}.`;
  }
}
