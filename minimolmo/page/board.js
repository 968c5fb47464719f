/* The picture on the stage as something to change: drag, recolour, add and delete its things.
   A record (see paint.js) is never changed; each change makes a new one. */
import * as paint from "./paint.js";
import { make } from "./picture.js";

const SVG = "http://www.w3.org/2000/svg";
const SIDE = 64;
export const DIAL = 2; // the part of a clock that is neither hand

/** A record as a canvas of 64 x 64 pixels. */
export function canvasOf(record, canvas = make("canvas", "", "", { width: SIDE, height: SIDE })) {
  paint.show(canvas, paint.paint(record));
  return canvas;
}

/** Changes the things of a record by pointer and keyboard.

    onChange(record, settled)   after each change; settled is false while something is being dragged
    onSelect()                  after another thing was selected
*/
export class Board {
  constructor(onChange, onSelect) {
    Object.assign(this, { onChange, onSelect, record: null, selected: -1, held: -1, grip: [0, 0], past: [] });
    this.color = "red";
    this.kind = "circle";
  }

  /** Show a record. `keep`: it can be undone. */
  load(record, { settled = true, keep = true } = {}) {
    if (keep && this.record) this.past.push(this.record);
    this.past = this.past.slice(-50);
    this.record = record;
    if (this.selected >= this.count()) this.selected = -1;
    this.onChange(record, settled);
  }

  count() {
    return this.record?.things?.length ?? Infinity;
  }

  thing() {
    return this.record?.things?.[this.selected] ?? null;
  }

  undo() {
    const record = this.past.pop();
    if (record) this.load(record, { keep: false });
  }

  select(index) {
    this.selected = index;
    const thing = this.thing();
    if (thing) [this.color, this.kind] = [thing.color, thing.kind];
    this.onSelect();
  }

  // The pointer: press a thing and drag it, or click it and then click where it should be.
  down(x, y) {
    const index = this.pressed(x, y);
    if (index < 0 && this.selected < 0) return false;
    if (index >= 0) this.select(index);
    this.moved = false;
    this.held = this.selected;
    this.before = this.record;
    this.grip = index >= 0 ? this.#grip(x, y) : [0, 0];
    if (index < 0 || !this.grip) this.move(x, y);
    return true;
  }

  /** The part that is pressed, or -1: then the selected part comes here. */
  pressed(x, y) {
    const index = paint.thingAt(this.record, x, y),
      onDial = this.record.type === "clock" && index === DIAL;
    return onDial && (this.selected === 0 || this.selected === 1) ? -1 : index;
  }

  /** From the middle of what is pressed to the pointer; null for an end that comes to the pointer at once. */
  #grip(x, y) {
    const { type } = this.record,
      thing = this.thing();
    if (thing) return [x - thing.x, y - thing.y];
    if (type === "clock" && this.selected === DIAL)
      return [x - (this.record.x / SIDE) * 100, y - (this.record.y / SIDE) * 100];
    return null;
  }

  move(x, y) {
    if (this.held < 0) return;
    const [dx, dy] = this.grip ?? [0, 0],
      record = paint.moved(this.record, this.held, x - dx, y - dy);
    if (JSON.stringify(record) === JSON.stringify(this.record)) return;
    this.moved = true;
    // A row that was exchanged is held on its new place.
    if (record.type === "table") this.held = this.selected = Math.max(0, paint.thingAt(record, x, y));
    this.record = record;
    this.onChange(record, false);
  }

  up() {
    if (this.held < 0) return;
    this.held = -1;
    if (!this.moved) return;
    this.past.push(this.before);
    this.onChange(this.record, true);
  }

  // The keyboard: Enter takes the thing under the cursor, arrows move it, Enter puts it down.
  cursor(x, y) {
    if (this.carried) this.move(x, y);
  }

  enter(x, y) {
    if (this.carried) {
      this.carried = false;
      this.up();
      return "put down";
    }
    const index = paint.thingAt(this.record, x, y);
    if (index < 0) return "nothing here";
    this.carried = this.down(x, y);
    return "taken; arrows move it, Enter puts it down";
  }

  remove(x, y) {
    const index = this.selected >= 0 ? this.selected : paint.thingAt(this.record, x, y);
    if (index < 0 || this.count() < 2) return;
    this.carried = false;
    this.held = -1;
    this.select(-1);
    this.load(paint.removed(this.record, index));
  }

  recolour(color) {
    this.color = color;
    if (this.record.type === "clock") this.selected = 1;
    if (this.selected >= 0) this.load(paint.recoloured(this.record, this.selected, color));
    else this.onSelect();
  }

  reshape(kind) {
    this.kind = kind;
    if (this.selected >= 0) this.load(paint.reshaped(this.record, this.selected, kind));
    else this.onSelect();
  }

  /** Change the number in the selected row of a table. */
  renumber(by) {
    if (this.selected < 0) this.select(0);
    const { number } = this.record.rows[this.selected];
    this.load(paint.renumbered(this.record, this.selected, Math.min(99, Math.max(1, number + by))));
  }

  /** Add a thing of the chosen colour and kind where there is most room. */
  add() {
    if (this.count() >= paint.MAX_THINGS) return;
    const [x, y] = freestPlace(this.record.things);
    this.load(paint.added(this.record, this.color, this.kind, x, y));
    this.select(this.count() - 1);
  }
}

function freestPlace(things) {
  let best = [50, 50],
    most = -1;
  for (let y = 14; y <= 86; y += 6) {
    for (let x = 14; x <= 86; x += 6) {
      const room = Math.min(
        ...things.map((t) => Math.max(Math.abs(t.x - x), Math.abs(t.y - y))),
        x + 20,
        y + 20,
        120 - x,
        120 - y,
      );
      if (room > most) [best, most] = [[x, y], room];
    }
  }
  return best;
}

/** Draw a dashed frame around a thing, on an overlay of 1000 x high units. */
export function outline(pen, { x, y, width, height }, high) {
  const box = [
    10 * (x - width / 2) - 8,
    (high / 100) * (y - height / 2) - 8,
    10 * width + 16,
    (high / 100) * height + 16,
  ];
  pen.setLineDash([16, 10]);
  for (const [color, thick] of [
    ["#fff", 8],
    ["#1f57c3", 4],
  ]) {
    pen.strokeStyle = color;
    pen.lineWidth = thick;
    pen.strokeRect(...box);
  }
  pen.setLineDash([]);
}

/** Draw rings that say "drag me" around places [[x, y], ...] in percent, on an overlay of 1000 x high units. */
export function grips(pen, places, high) {
  for (const [color, thick] of [
    ["#fff", 11],
    ["#1f57c3", 5],
  ]) {
    pen.strokeStyle = color;
    pen.lineWidth = thick;
    for (const [x, y] of places) {
      pen.beginPath();
      pen.arc(10 * x, (high / 100) * y, 26, 0, 7);
      pen.stroke();
    }
  }
}

/** A small drawing of a shape, in a colour of its own or in the text's. */
export function shapeIcon(kind, color = "") {
  const svg = document.createElementNS(SVG, "svg"),
    shape = document.createElementNS(SVG, "polygon");
  svg.setAttribute("viewBox", "0 0 1 1");
  svg.setAttribute("class", "shape-icon");
  svg.setAttribute("aria-hidden", "true");
  shape.setAttribute("points", paint.KINDS[kind].map((corner) => corner.join()).join(" "));
  if (color) shape.setAttribute("fill", `rgb(${paint.COLORS[color].join()})`);
  svg.append(shape);
  return svg;
}

/** A button with a shape on it, for a colour or a kind. */
export function shapeButton(kind, color, label) {
  const button = make("button", color ? "swatch" : "swatch kind", "", {
    type: "button",
    title: label,
    "aria-label": label,
    "aria-pressed": "false",
  });
  button.append(shapeIcon(kind, color));
  return button;
}
