// The pieces of the panels: buttons, fields, lists of points, and what of a value can be saved.

import { clamp, make, round } from "/picture.js";

const CHIP = /\{([^{}]*)\}/g;

// What of a value can be saved: an entry, or null while it is unfinished.
export function toEntry({ style, label = "", question = "", answer = "", points = [], none }) {
  const text = (...given) => given.every((each) => each.trim());
  switch (style) {
    case "pointing": return text(label) && (points.length || none) ? { style, label, points } : null;
    case "count": return text(label) && /^[0-9]{1,6}$/.test(answer) ? { style, label, answer } : null;
    case "user_qa": return text(question, answer) ? { style, question, answer } : null;
    case "point_explanations":
      return text(question, ...chipsOf(answer)) && balanced(answer) && chipsOf(answer).length
        ? { style, question, answer, points: chipsOf(answer).map((_, i) => points[i] ?? []) } : null;
    default: return text(answer) ? { style, answer } : null;
  }
}

export const chipsOf = (answer) => [...answer.matchAll(CHIP)].map(([, words]) => words);
export const balanced = (answer) => !/[{}]/.test(answer.replace(CHIP, ""));

export function button(text, act, className = "small", extra = {}) {
  const element = make("button", className, text, { type: "button", ...extra });
  element.addEventListener("click", act);
  return element;
}

let numbered = 0;

// A field with its label above. act(text) on every key.
export function field(name, value, act, { tag = "input", id = `field-${++numbered}`, ...extra } = {}) {
  const box = make("div", "field"), label = make("label", "", name, { htmlFor: id });
  const input = make(tag, "", "", { id, value, ...(tag === "input" ? { type: "text" } : {}), ...extra });
  input.addEventListener("input", () => act(input.value));
  box.append(label, input);
  return Object.assign(box, { input });
}

export const valuesOf = (app, style) => [...app.values.get(app.photo.id)]
  .filter(([, value]) => value.style === style);
export const change = (app, key, changes, options) => app.put(app.photo.id, key,
  { ...app.values.get(app.photo.id).get(key), ...changes }, options);
export const plural = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

// Fills an element anew without losing the field that the learner is in. Fields are known by their IDs.
export function keepFocus(work, act) {
  const { activeElement } = document;
  const id = work.contains(activeElement) && activeElement.id;
  const { selectionStart, selectionEnd } = activeElement;  // null or undefined: it has no text
  act();
  if (!id) return;
  const again = document.getElementById(id) ?? document.getElementById(`entry-${id.split("-")[1]}`)
    ?? work.querySelector("input, button, textarea");  // what had it is gone
  again?.focus({ preventScroll: true });
  if (again?.id === id && typeof selectionStart === "number") again.setSelectionRange(selectionStart, selectionEnd);
}

export const marked = (points, first = 1) => points.map(([x, y], i) => ({ x, y, shape: "cross", tag: first + i }));

export function removal(app, key, what) {
  return button("Remove", () => { app.put(app.photo.id, key, null); app.redraw(); }, "small quiet",
    { id: `remove-${key}`, "aria-label": `Remove ${what}` });
}

// Each point is a button: arrows move it by 1 % (with Shift by .1 %), Delete removes it.
export function pointList(app, points, act, prefix) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const name = "Points: arrow keys move, Delete removes";
  const list = make("div", "point-list", "", { role: "group", "aria-label": name });
  points.forEach(([x, y], index) => {
    const place = button(`${index + 1}: ${x}, ${y}`, () => app.picture.moveTo(x, y), "chip num",
      { id: `point-${prefix}-${index}` });
    place.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 0.1 : 1, [dx, dy] = steps[event.key] ?? [];
      const gone = event.key === "Delete" || event.key === "Backspace";
      if (!gone && dx === undefined) return;
      event.preventDefault();
      const moved = [round(clamp(x + step * dx)), round(clamp(y + step * dy))];
      act(gone ? points.filter((_, i) => i !== index) : points.map((point, i) => i === index ? moved : point));
    });
    list.append(place);
  });
  return list;
}
