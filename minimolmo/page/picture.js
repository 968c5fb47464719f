/* A picture with points on it, and the page's requests to its server. Both pages use this file.
   A place is x, y in percent (0 to 100) of the picture, with the origin at the top left. */

const SVG = "http://www.w3.org/2000/svg";
const TURNS = 6; // times that a request is sent while the model is busy
const HIT = 16; // pixels around a marker that take hold of it (a target of 32 pixels)
const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8];
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SHAPES = {
  // three kinds of marker that differ in form, not only in colour
  ring: "M27 16a11 11 0 1 1-22 0a11 11 0 1 1 22 0",
  cross: "M7 7L25 25M25 7L7 25",
  square: "M5 5H27V27H5Z",
};

/** A new element. Text is set as text, never as HTML. `extra`: further properties, or attributes with "-". */
export function make(tag, className = "", text = "", extra = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== "") element.textContent = text;
  for (const [name, value] of Object.entries(extra)) {
    if (name === "role" || name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  return element;
}

export const clamp = (value, low = 0, high = 100) => Math.min(high, Math.max(low, value));
export const round = (value, digits = 1) => Number(Number(value).toFixed(digits));
export const prefersStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// ---- Requests ------------------------------------------------------------------------------------

/** An error in three parts: what was given, why it cannot work, what to try. */
export class PageError extends Error {
  constructor({ given = "", why = "", try: attempt = "", status = 0 }) {
    super([given, why, attempt].filter(Boolean).join(" "));
    Object.assign(this, { given, why, attempt, status });
  }
}

const OFFLINE = {
  given: "The server did not answer.",
  why: "It was stopped, or the connection broke, so nothing can be asked now.",
  try: "Look at the terminal, and start the page again.",
};

/** Send a request. While the model is busy with others (429), it is sent again after a while. */
async function request(path, body, signal, method = "POST") {
  for (let turn = 1; ; turn++) {
    const reply = await fetchOnce(path, body, signal, method);
    if (reply.ok) return reply;
    if (reply.status !== 429 || turn === TURNS)
      throw new PageError({ ...(await refusal(reply)), status: reply.status });
    await new Promise((done) => setTimeout(done, 200 * turn));
  }
}

async function fetchOnce(path, body, signal, method) {
  const raw = body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body);
  const type = raw ? "application/octet-stream" : "application/json";
  try {
    return await fetch(
      path,
      method === "GET"
        ? { signal }
        : {
            method,
            signal,
            body: raw ? body : JSON.stringify(body),
            headers: { "Content-Type": type, "X-Minimolmo": "1" },
          },
    );
  } catch (error) {
    throw error.name === "AbortError" ? error : new PageError(OFFLINE);
  }
}

async function refusal(reply) {
  try {
    return await reply.json();
  } catch {
    return { given: `The server answered ${reply.status}.`, why: reply.statusText, try: "Try it again." };
  }
}

/** POST an object (as JSON) or bytes (Blob, ArrayBuffer, array); returns the answer's JSON. */
export async function post(path, body, signal) {
  return (await request(path, body, signal)).json();
}

/** GET JSON. */
export async function get(path, signal) {
  return (await request(path, null, signal, "GET")).json();
}

/** POST, and call onEvent(event) for each line of the NDJSON answer. An event "error" becomes a PageError. */
export async function stream(path, body, onEvent, signal) {
  const reader = (await request(path, body, signal)).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "",
    finished = false;
  const take = (line) => {
    if (!line.trim()) return;
    const event = JSON.parse(line);
    if (event.e === "error") throw new PageError(event);
    finished ||= event.e === "done";
    onEvent(event);
  };
  for (;;) {
    let step;
    try {
      step = await reader.read();
    } catch (error) {
      throw error.name === "AbortError" ? error : new PageError(OFFLINE);
    }
    const lines = (rest + (step.value ?? "")).split("\n");
    rest = step.done ? "" : lines.pop();
    lines.forEach(take);
    if (step.done) return finished;
  }
}

/** Run a task at most once at a time. While it runs, only the newest of the waiting arguments is kept. */
export function newestWins(task) {
  let running = false,
    waiting = null;
  return async function run(...given) {
    waiting = given;
    if (running) return;
    running = true;
    try {
      while (waiting) {
        const next = waiting;
        waiting = null;
        await task(...next);
      }
    } finally {
      running = false;
    }
  };
}

/** Show an error in an element (with its three parts), or hide the element if there is none. */
export function showError(element, error) {
  element.replaceChildren();
  element.hidden = !error || error.name === "AbortError";
  if (element.hidden) return;
  element.classList.add("error");
  element.setAttribute("role", "alert");
  const parts =
    error instanceof PageError ? error : { given: "This page failed.", why: String(error.message ?? error) };
  for (const [name, text] of [
    ["given", parts.given],
    ["why", parts.why],
    ["try", parts.attempt],
  ]) {
    if (text) element.append(make("p", name, text));
  }
}

/** Call onFiles(files) for pictures that are dropped on the page, pasted, or picked in a file input. */
export function uploads(input, onFiles) {
  const pictures = (list) => [...(list ?? [])].filter((file) => file.type.startsWith("image/") || !file.type);
  const take = (list) => {
    const files = pictures(list);
    if (files.length) onFiles(files);
    return files.length > 0;
  };
  let depth = 0;
  const mark = (change) => {
    depth = change ? Math.max(0, depth + change) : 0;
    document.body.classList.toggle("dropping", depth > 0);
  };
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  input?.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });
  document.addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) mark(1);
  });
  document.addEventListener("dragleave", (event) => {
    if (carriesFiles(event)) mark(-1);
  });
  document.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    mark(0);
    if (event.dataTransfer?.files.length) {
      event.preventDefault();
      take(event.dataTransfer.files);
    }
  });
  document.addEventListener("paste", (event) => {
    if (take(event.clipboardData?.files)) event.preventDefault();
  });
}

// ---- The picture ---------------------------------------------------------------------------------

function markerElement({ shape = "ring", tag = "", x, y, picked, glides }) {
  const element = make("div", `marker ${shape}`);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 32 32");
  for (const layer of ["halo-dark", "halo-light", "stroke"]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", SHAPES[shape]);
    path.setAttribute("class", layer);
    svg.append(path);
  }
  if (shape === "ring") {
    const dot = document.createElementNS(SVG, "circle");
    for (const [name, value] of Object.entries({ cx: 16, cy: 16, r: 3, class: "dot" }))
      dot.setAttribute(name, value);
    svg.append(dot);
  }
  element.append(svg);
  if (tag !== "") element.append(make("span", "tag num", String(tag)));
  element.classList.toggle("tag-left", x > 84);
  element.classList.toggle("picked", Boolean(picked));
  element.classList.toggle("glides", Boolean(glides) && !prefersStill());
  place(element, x, y);
  return element;
}

function place(element, x, y) {
  element.style.left = `${x}%`;
  element.style.top = `${y}%`;
}

/** A picture in an element: zoom, an overlay canvas, numbered markers, pointer and keyboard.

    Handlers, all optional, with places in percent:
      down(x, y, event) -> true to keep the pointer, then move(x, y, event) and up(x, y, event)
      hover(x, y) while no button is pressed; x is null when the pointer leaves
      cursor(x, y) after a key moved the cursor; enter(x, y) on Enter or Space; remove(x, y) on Delete
      add(x, y), movePoint(index, x, y, finished), removePoint(index): edit the markers of setPoints;
      these three replace down, move, up, enter and remove
*/
export class Picture {
  constructor(host, handlers = {}, { label = "Picture", zoom = true } = {}) {
    this.handlers = handlers.add ? { ...pointEditor(this, handlers), ...handlers } : handlers;
    this.points = [];
    this.at = [50, 50];
    this.zoom = 1;
    this.host = host;
    host.classList.add("picture");
    host.classList.toggle("drags", Boolean(this.handlers.down));
    this.view = make("div", "picture-view", "", { tabIndex: 0, role: "application", "aria-label": label });
    this.sheet = make("div", "picture-sheet");
    this.image = make("canvas", "picture-image");
    this.overlay = make("canvas", "picture-overlay", "", { "aria-hidden": "true" });
    this.markers = make("div", "", "", { "aria-hidden": "true" });
    this.cross = make("div", "picture-cursor", "", { hidden: true });
    this.status = make("p", "sr-only", "", { "aria-live": "polite" });
    this.sheet.append(this.image, this.overlay, this.markers, this.cross);
    this.view.append(this.sheet);
    host.replaceChildren(this.view, this.status);
    if (zoom) host.append(this.#zoomButtons());
    this.#listen();
    new ResizeObserver(() => this.handlers.resized?.()).observe(this.sheet);
  }

  /** Show an image, a canvas or an ImageBitmap. An image element becomes a part of the page, unless it is one
      already: then it is copied. Pictures of at most 128 pixels keep their pixels visible. */
  show(source) {
    const width = source.naturalWidth || source.width,
      height = source.naturalHeight || source.height;
    this.width = width;
    this.height = height;
    this.host.classList.toggle("pixels", Math.max(width, height) <= 128);
    this.sheet.style.aspectRatio = `${width} / ${height}`;
    if (source instanceof HTMLImageElement && !source.isConnected) {
      source.draggable = false;
      source.alt = "";
      source.classList.add("picture-image");
      this.image.replaceWith(source);
      this.image = source;
      return;
    }
    if (!(this.image instanceof HTMLCanvasElement)) {
      const canvas = make("canvas", "picture-image");
      this.image.replaceWith(canvas);
      this.image = canvas;
    }
    if (this.image.width !== width) this.image.width = width;
    if (this.image.height !== height) this.image.height = height;
    this.image.getContext("2d").drawImage(source, 0, 0);
  }

  /** Mark points: [{x, y, shape: "ring" | "cross" | "square", tag, picked, glides}]. */
  setPoints(points) {
    this.points = points;
    const old = [...this.markers.children];
    const same =
      old.length === points.length && points.every((point, i) => old[i].dataset.kind === kindOf(point));
    if (same) points.forEach((point, i) => place(old[i], point.x, point.y));
    else
      this.markers.replaceChildren(
        ...points.map((point) => {
          const element = markerElement(point);
          element.dataset.kind = kindOf(point);
          return element;
        }),
      );
  }

  /** The overlay's context, cleared, in `size` units a side (it is stretched over the picture). */
  draw(width = 1000, height = width) {
    if (this.overlay.width !== width) this.overlay.width = width;
    if (this.overlay.height !== height) this.overlay.height = height;
    const pen = this.overlay.getContext("2d");
    pen.clearRect(0, 0, width, height);
    return pen;
  }

  /** The index of the marker at a place, or -1. */
  hit(x, y, pixels = HIT) {
    const box = this.sheet.getBoundingClientRect();
    const far = this.points.map((p) =>
      Math.hypot(((p.x - x) / 100) * box.width, ((p.y - y) / 100) * box.height),
    );
    const nearest = far.indexOf(Math.min(...far));
    return far[nearest] <= pixels ? nearest : -1;
  }

  /** Move the keyboard's cursor, and say where it is. */
  moveTo(x, y) {
    this.at = [round(clamp(x), 1), round(clamp(y), 1)];
    this.cross.hidden = false;
    place(this.cross, ...this.at);
    this.say(`${this.at[0]}, ${this.at[1]} percent`);
  }

  /** Announce a text to screen readers. */
  say(text) {
    this.status.textContent = text;
  }

  setZoom(zoom, x = this.at[0], y = this.at[1]) {
    this.zoom = zoom;
    this.sheet.style.width = `${100 * zoom}%`;
    this.view.scrollTo(
      (x / 100) * this.sheet.clientWidth - this.view.clientWidth / 2,
      (y / 100) * this.sheet.clientHeight - this.view.clientHeight / 2,
    );
    this.zoomOut.disabled = zoom === ZOOMS[0];
    this.zoomIn.disabled = zoom === ZOOMS.at(-1);
  }

  #step(by, x, y) {
    const index = clamp(ZOOMS.indexOf(this.zoom) + by, 0, ZOOMS.length - 1);
    if (this.zoomIn && ZOOMS[index] !== this.zoom) this.setZoom(ZOOMS[index], x, y);
  }

  #zoomButtons() {
    const bar = make("div", "picture-zoom");
    this.zoomOut = make("button", "icon small", "−", {
      type: "button",
      "aria-label": "Zoom out",
      disabled: true,
    });
    this.zoomIn = make("button", "icon small", "+", { type: "button", "aria-label": "Zoom in" });
    this.zoomOut.addEventListener("click", () => this.#step(-1));
    this.zoomIn.addEventListener("click", () => this.#step(1));
    bar.append(this.zoomOut, this.zoomIn);
    return bar;
  }

  #place(event) {
    const box = this.sheet.getBoundingClientRect();
    return [
      clamp(((event.clientX - box.left) / box.width) * 100),
      clamp(((event.clientY - box.top) / box.height) * 100),
    ];
  }

  #listen() {
    const { sheet, view } = this;
    let held = null;
    sheet.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.cross.hidden = true;
      const [x, y] = this.#place(event);
      this.at = [x, y];
      if (!this.handlers.down?.(x, y, event)) return;
      held = event.pointerId;
      sheet.setPointerCapture(held);
      view.focus({ preventScroll: true, focusVisible: false });
      event.preventDefault();
    });
    sheet.addEventListener("pointermove", (event) => {
      const [x, y] = this.#place(event);
      if (event.pointerId === held) this.handlers.move?.(x, y, event);
      else if (!event.buttons) this.handlers.hover?.(x, y);
    });
    const release = (event) => {
      if (event.pointerId !== held) return;
      held = null;
      this.handlers.up?.(...this.#place(event), event);
    };
    sheet.addEventListener("pointerup", release);
    sheet.addEventListener("pointercancel", release);
    sheet.addEventListener("pointerleave", () => this.handlers.hover?.(null, null));
    sheet.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey || !this.zoomIn) return;
        event.preventDefault();
        this.#step(event.deltaY < 0 ? 1 : -1, ...this.#place(event));
      },
      { passive: false },
    );
    view.addEventListener("keydown", (event) => this.#key(event));
    view.addEventListener("blur", () => {
      this.cross.hidden = true;
    });
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 0.1 : 1,
      direction = KEYS[event.key];
    if (direction) {
      this.moveTo(this.at[0] + step * direction[0], this.at[1] + step * direction[1]);
      this.handlers.cursor?.(...this.at);
    } else if (event.key === "Home") this.moveTo(50, 50);
    else if (event.key === "Enter" || event.key === " ") this.handlers.enter?.(...this.at);
    else if (event.key === "Delete" || event.key === "Backspace") this.handlers.remove?.(...this.at);
    else if (event.key === "+" || event.key === "=") this.#step(1);
    else if (event.key === "-") this.#step(-1);
    else if (!this.handlers.key?.(event)) return;
    event.preventDefault();
  }
}

const kindOf = (point) =>
  [point.shape ?? "ring", point.tag ?? "", point.x > 84, !!point.picked, !!point.glides].join();

/** Handlers that add a point with a click or Enter, move one by dragging it, and remove one with Delete. */
function pointEditor(picture, { add, movePoint, removePoint }) {
  let index = -1;
  return {
    down(x, y) {
      index = picture.hit(x, y);
      if (index < 0) add(round(x), round(y));
      return index >= 0;
    },
    move: (x, y) => movePoint?.(index, round(x), round(y), false),
    up: (x, y) => movePoint?.(index, round(x), round(y), true),
    enter: (x, y) => add(x, y),
    remove(x, y) {
      const nearest = picture.hit(x, y, 2 * HIT);
      if (nearest >= 0) removePoint?.(nearest);
    },
  };
}
