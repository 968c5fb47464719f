/* The answer, token by token: how sure each one was, what it could have been, and the number it belongs to.
   Numbers of points are shown as bands of probability over the picture while they are being written. */
import { make, prefersStill, round } from "./picture.js";

const DIGIT_PAUSE = 230,
  TOKEN_PAUSE = 24; // milliseconds at the pace 1

/** An answer as people read it: each tag becomes its label and the numbers of its points. */
export function readable(text) {
  let count = 0;
  return text.replace(/<points? ([^>]*)>([^<]*)<\/points?>/g, (_, numbers, label) => {
    const points = (numbers.match(/\bx\d*=/g) ?? []).map(() => circled(++count));
    return `${label} ${points.join("")}`;
  });
}

const circled = (number) => (number <= 20 ? String.fromCharCode(0x245f + number) : `(${number})`);

/** How long the picture and the tokens took, in words. */
export function timing(count, ms) {
  const answer = Math.max(ms.all - ms.image, 0.1),
    speed = Math.round((1000 * count) / answer).toLocaleString("en");
  const words = `picture ${round(ms.image)} ms, ${count} tokens ${round(answer)} ms`;
  return count > 9 ? `${words} (${speed} a second)` : words;
}

/** A probability in words: "93 %", "0.4 %", "< 0.1 %". */
export function percent(share, digits = 0) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${(100 * share).toFixed(share > 0 && share < 0.01 ? Math.max(1, digits) : digits)} %`;
}

/** The tokens of one answer as buttons. Handlers: pick(index), preview(index or -1). */
export class TokenStrip {
  constructor(host, { pick, preview }) {
    Object.assign(this, { host, pick, preview, tokens: [], picked: -1 });
    host.addEventListener("pointerleave", () => preview(-1));
    host.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Begin a new answer, of which the first `given` tokens were decided by someone else. */
  start(given = 0) {
    this.given = given;
    this.tokens = [];
    this.picked = -1;
    this.host.classList.remove("stale");
    this.host.replaceChildren();
  }

  add(event, animate) {
    const index = this.tokens.push(event) - 1,
      forced = index === this.given - 1;
    const isDigit = event.axis && /[0-9.]/.test(event.text);
    const button = make("button", "token", shown(event.text), { type: "button", tabIndex: index ? -1 : 0 });
    const name = `${event.text || "end of the answer"}, ${percent(event.p)}`;
    button.setAttribute("aria-label", forced ? `${name}, forced` : name);
    button.title = forced
      ? `forced; the model gave it ${percent(event.p)}`
      : `the model gave it ${percent(event.p)}`;
    button.style.setProperty("--doubt", `${Math.round(100 * Math.min(1, 1.6 * (1 - event.p)))}%`);
    button.classList.toggle("digit", Boolean(isDigit));
    button.classList.toggle("given", index < this.given - 1);
    button.classList.toggle("forced", forced);
    button.classList.toggle("arrives", animate);
    button.addEventListener("click", () => this.pick(index));
    button.addEventListener("pointerenter", () => this.preview(index));
    button.addEventListener("focus", () => {
      if (button.matches(":focus-visible")) this.preview(index);
    });
    button.addEventListener("blur", ({ relatedTarget }) => {
      if (!relatedTarget?.closest("#inspector")) this.preview(-1); // Tab leads into what is shown of this token
    });
    this.host.append(button);
  }

  /** Mark one token as the one that is looked into. */
  mark(index) {
    this.picked = index;
    [...this.host.children].forEach((button, i) => {
      button.classList.toggle("picked", i === index);
      button.setAttribute("aria-pressed", String(i === index));
      button.tabIndex = i === Math.max(0, index) ? 0 : -1;
    });
  }

  /** Give the keyboard's focus to a token, or to the last one. */
  focus(index) {
    this.host.children[Math.min(index, this.host.children.length - 1)]?.focus({ preventScroll: true });
  }

  #key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key],
      all = [...this.host.children];
    if (!step) return;
    const next = all[all.indexOf(document.activeElement) + step];
    event.preventDefault();
    next?.focus({ focusVisible: true });
  }
}

const shown = (text) =>
  text === "" ? "■" : text.trim() === "" ? text.replace(/\n/g, "⏎").replace(/ /g, "␣") : text;

/** Show events one after another at a pace that eyes can follow. `stop` shows the rest at once. */
export class Player {
  constructor(show) {
    Object.assign(this, { show, queue: [], pace: 0, running: null });
  }

  /** pace 0: at once. 1: about a quarter of a second for each digit. */
  start(pace) {
    this.queue = [];
    this.pace = prefersStill() ? 0 : pace;
  }

  push(event) {
    this.queue.push(event);
    this.running ??= this.#play();
  }

  /** Forget what is left; resolves when nothing is shown any more. */
  drop() {
    this.queue = [];
    return this.stop();
  }

  /** Show what is left at once; resolves when all is shown. */
  async stop() {
    this.pace = 0;
    this.wake?.();
    await this.running;
  }

  async #play() {
    await null; // so that `running` is set before it is cleared
    while (this.queue.length) {
      const event = this.queue.shift();
      this.show(event, this.pace > 0);
      const pause = event.e !== "token" ? 0 : (event.axis ? DIGIT_PAUSE : TOKEN_PAUSE) * this.pace;
      if (pause)
        await new Promise((done) => {
          this.wake = done;
          setTimeout(done, pause);
        });
    }
    this.running = null;
  }
}

// ---- Numbers of points ---------------------------------------------------------------------------

/** The ten intervals, in percent, that the next digit chooses from: [[start, length, digit] x 10].
    A number is taken to have two digits before its dot, as nearly all have; "5" may still be 5 or 50. */
export function digitBands(written) {
  const [whole, fraction] = written.split(".");
  if (fraction !== undefined) {
    const size = 10 ** -(fraction.length + 1),
      start = Number(written) || 0;
    return Array.from({ length: 10 }, (_, digit) => [start + digit * size, size, digit]);
  }
  const size = whole.length ? 1 : 10,
    start = whole.length ? 10 * Number(whole) : 0;
  return Array.from({ length: 10 }, (_, digit) => [start + digit * size, size, digit]);
}

/** What is known of a point while it is written: bands of probability for each axis. */
export class Condensing {
  constructor() {
    this.reset();
  }

  reset() {
    this.now = null; // {axis, written, digits}: the number that is being written
    this.known = {}; // axis -> the number that was written last
  }

  token(event) {
    if (event.axis) {
      this.now = { axis: event.axis, written: event.written, digits: event.digits };
      const number = /^[0-9.]*/.exec(event.text)[0];
      if (event.axis === "x" && event.written === "") this.known = {};
      this.known[event.axis] = event.written + number;
      if (number.length < event.text.length) this.now = null;
    } else this.now = null;
  }

  /** Draw on an overlay of width x height units. */
  draw(pen, width, height) {
    for (const [axis, text] of Object.entries(this.known)) {
      const isX = axis === "x",
        value = Number(text) || 0,
        length = isX ? width : height;
      if (this.now?.axis === axis) this.#bands(pen, isX, width, height);
      else line(pen, isX, (value / 100) * length, width, height);
      label(
        pen,
        isX,
        `${axis} = ${text}${this.now?.axis === axis ? "…" : " %"}`,
        (value / 100) * length,
        width,
        height,
      );
    }
  }

  #bands(pen, isX, width, height) {
    const length = isX ? width : height,
      { written, digits } = this.now,
      most = Math.max(...digits, 0.01);
    if (written && most < 0.05) {
      // no digit comes next, but the dot or the end: what is written stays
      const from = (Number(written) / 100) * length,
        wide = Math.max(length / 10 ** (2 + (written.split(".")[1]?.length ?? 0)), 3);
      pen.fillStyle = "rgba(224, 21, 106, .7)";
      if (isX) pen.fillRect(from, 0, wide, height);
      else pen.fillRect(0, from, width, wide);
      return;
    }
    for (const [start, size, digit] of digitBands(written)) {
      const from = (start / 100) * length,
        wide = Math.max((size / 100) * length, 3),
        p = digits[digit];
      pen.fillStyle = `rgba(224, 21, 106, ${(0.08 + (0.72 * p) / most) * (p > 0.002)})`;
      if (isX) pen.fillRect(from, 0, wide, height);
      else pen.fillRect(0, from, width, wide);
      if (size === 10) {
        pen.fillStyle = "rgba(0, 0, 0, .55)";
        pen.font = `600 ${length / 42}px system-ui, sans-serif`;
        pen.textAlign = "center";
        pen.textBaseline = "middle";
        const at = from + wide / 2,
          text = `${Math.round(100 * p)} %`;
        if (p >= 0.005) isX ? pen.fillText(text, at, height * 0.965) : pen.fillText(text, width * 0.95, at);
      }
    }
  }
}

function line(pen, isX, at, width, height) {
  for (const [color, thick] of [
    ["rgba(255, 255, 255, .9)", 6],
    ["rgba(224, 21, 106, .95)", 3],
  ]) {
    pen.fillStyle = color;
    if (isX) pen.fillRect(at - thick / 2, 0, thick, height);
    else pen.fillRect(0, at - thick / 2, width, thick);
  }
}

function label(pen, isX, text, at, width, height) {
  pen.font = `650 ${width / 36}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  const long = pen.measureText(text).width + 20,
    high = width / 22;
  const x = isX ? Math.min(at + 8, width - long - 4) : 8,
    y = isX ? 8 : Math.min(at + 8, height - high - 4);
  pen.fillStyle = "rgba(20, 24, 32, .86)";
  pen.beginPath();
  pen.roundRect(x, y, long, high, 9);
  pen.fill();
  pen.fillStyle = "#fff";
  pen.fillText(text, x + 10, y + high / 2 + 1);
}

// ---- The five likeliest --------------------------------------------------------------------------

/** List the five likeliest tokens of an event as buttons; a click on another one calls force(id, text, p). */
export function listLikeliest(list, event, force) {
  list.replaceChildren(
    ...event.top.map(([id, text, p]) => {
      const item = make("li"),
        isIt = id === event.id;
      const button = make("button", "", "", {
        type: "button",
        title: isIt ? "this was written" : `force "${text}"`,
      });
      const bar = make("span", "bar", "", { "aria-hidden": "true" });
      bar.style.width = `${100 * p}%`;
      button.append(bar, make("span", "word", shown(text)), make("span", "num", percent(p)));
      button.setAttribute("aria-current", String(isIt));
      button.setAttribute("aria-label", `${shown(text)}, ${percent(p)}${isIt ? ", written" : ", force it"}`);
      button.addEventListener("click", () => {
        if (!isIt) force(id, text, p);
      });
      item.append(button);
      return item;
    }),
  );
}
