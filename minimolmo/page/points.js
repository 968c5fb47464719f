// Points on the photo: for a label, and for the braces of an explanation.

import { make } from "/picture.js";
import { balanced, button, change, chipsOf, field, marked, plural, pointList, removal, toEntry,
  valuesOf } from "/fields.js";

const MAX_POINTS = 200;
const COLOURS = ["red", "green", "blue", "yellow", "orange", "purple"];
const SHAPES = ["circle", "square", "triangle", "cross"];

// Points

export function pointsPanel(app) {
  let chosen = null;  // the key that a click on the photo adds to
  const current = () => app.values.get(app.photo.id).get(chosen)?.style === "pointing" ? chosen : null;

  function begin(label) {
    const text = label.trim();
    if (!text) return;
    const same = ([, value]) => value.label.trim().toLowerCase() === text.toLowerCase();
    const known = valuesOf(app, "pointing").find(same);
    chosen = known?.[0] ?? app.newKey();
    app.tell("");
    if (!known) app.put(app.photo.id, chosen, { style: "pointing", label: text, points: [], none: false });
    app.redraw();
    app.picture.view.focus({ preventScroll: true });
  }

  return {
    render() {
      const values = valuesOf(app, "pointing");
      if (!current()) chosen = values.find(([, value]) => !toEntry(value))?.[0] ?? null;
      const label = field("What will you point at?", "", () => {}, { id: "new-label", maxLength: 200,
        placeholder: "red circle", autocomplete: "off" });
      label.input.setAttribute("list", "labels");
      label.input.addEventListener("keydown", (event) => event.key === "Enter" && begin(label.input.value));
      const row = make("div", "beside");
      row.append(label, button("Add label", () => begin(label.input.value), "", { id: "add-label" }));
      const list = make("ul", "entries");
      list.append(...values.map(([key, value]) => pointsEntry(app, key, value, key === current(), () => {
        chosen = key;
        app.redraw();
      })));
      return [row, suggestions(app), list, make("p", "hint", values.length ? "Point at every one that the label names. "
        + "The number is written by itself, as a second annotation: point, then count."
        : "The label comes first. Then click every thing that it names, or say that there are none: "
        + "a label without its thing teaches the model to say so.")];
    },
    markers: () => current() ? marked(app.values.get(app.photo.id).get(current()).points) : [],
    add(x, y) {
      const value = app.values.get(app.photo.id).get(current());
      if (!value) return app.tell("Write a label first.");
      if (value.points.length >= MAX_POINTS) return app.tell("200 points are the most.");
      change(app, current(), { points: [...value.points, [x, y]], none: false });
      app.tell(`Point ${value.points.length + 1} for ${value.label} at ${x}, ${y}.`);
    },
    move: (index, x, y) => change(app, current(), { points: changed(current(), index, [x, y]) }, { typing: true }),
    remove: (index) => change(app, current(), { points: changed(current(), index, null) }),
  };

  function changed(key, index, point) {
    const points = [...app.values.get(app.photo.id).get(key).points];
    points.splice(index, 1, ...(point ? [point] : []));
    return points;
  }
}

// The labels of other photos, then those of the first project.
function suggestions(app) {
  const list = make("datalist", "", "", { id: "labels" });
  const used = [...app.values.values()].flatMap((values) => [...values.values()]).map(({ label }) => label?.trim());
  const paper = COLOURS.flatMap((colour) => SHAPES.map((shape) => `${colour} ${shape}`));
  const all = [...new Set([...used, ...paper])].filter(Boolean);
  list.append(...all.map((value) => make("option", "", "", { value })));
  return list;
}

function pointsEntry(app, key, value, open, choose) {
  const item = make("li", open ? "entry open" : "entry"), head = make("div", "row");
  const number = value.points.length, unfinished = !number && !value.none;
  const state = unfinished ? "unfinished" : number ? plural(number, "point") : "there are none";
  head.append(button(value.label, choose, "chip", { id: `entry-${key}`, "aria-pressed": open }),
    make("span", unfinished ? "unfinished" : "hint", state));
  const none = () => { change(app, key, { none: true }); app.redraw(); };
  if (unfinished) head.append(button("There are none", none, "small", { id: `none-${key}` }));
  head.append(removal(app, key, value.label));
  item.append(head);
  if (open && number) {
    item.append(pointList(app, value.points, (points) => { change(app, key, { points }); app.redraw(); }, key));
  }
  if (open && unfinished) item.append(make("p", "hint", `Click each ${value.label} on the photo.`));
  return item;
}

// Explain: "The {red mug} is chipped." Each brace becomes a chip, and each chip wants points.

export function explainPanel(app) {
  let chosen = null;  // [key, index of the chip]
  const value = () => chosen && app.values.get(app.photo.id).get(chosen[0]);
  const lists = ({ answer, points }) => chipsOf(answer).map((_, i) => points[i] ?? []);

  function setPoints(edit, options) {
    const all = lists(value());
    all[chosen[1]] = edit(all[chosen[1]]);
    change(app, chosen[0], { points: all }, options);
  }

  function item(key, entry) {
    const box = make("li", "entry stack"), chips = make("div", "row");
    const drawChips = () => chips.replaceChildren(...chipsOf(app.values.get(app.photo.id).get(key)?.answer ?? "")
      .map((words, index) => chip(key, words, index)));
    drawChips();
    box.append(
      field("Question", entry.question, (question) => change(app, key, { question }, { typing: true }),
        { id: `why-${key}`, maxLength: 500 }),
      field("Answer, with braces around each thing to point at", entry.answer, (answer) => {
        const before = app.values.get(app.photo.id).get(key);
        change(app, key, { answer, points: follow(before, answer) }, { typing: true });
        drawChips();
      }, { tag: "textarea", id: `because-${key}`, rows: 3, maxLength: 5000 }),
      chips);
    if (!balanced(entry.answer)) box.append(make("p", "unfinished", "A brace has no partner."));
    if (chosen?.[0] === key && lists(entry)[chosen[1]]?.length) {
      box.append(pointList(app, lists(entry)[chosen[1]], (points) => { setPoints(() => points); app.redraw(); }, key));
    }
    const foot = make("div", "row");
    foot.append(removal(app, key, entry.question || "this explanation"));
    box.append(foot);
    return box;
  }

  function chip(key, words, index) {
    const number = lists(app.values.get(app.photo.id).get(key))[index]?.length ?? 0;
    const on = chosen?.[0] === key && chosen[1] === index;
    return button(`${words || "?"}: ${number ? plural(number, "point") : "point at it"}`, () => {
      chosen = [key, index];
      app.redraw();
      app.picture.view.focus({ preventScroll: true });
    }, number ? "chip" : "chip unfinished", { id: `chip-${key}-${index}`, "aria-pressed": on });
  }

  return {
    render() {
      const there = value()?.style === "point_explanations" && chosen[1] < chipsOf(value().answer).length;
      if (!there) chosen = null;
      const list = make("ul", "entries");
      list.append(...valuesOf(app, "point_explanations").map(([key, entry]) => item(key, entry)));
      return [list, button("Add an explanation", () => {
        const key = app.newKey();
        app.put(app.photo.id, key, { style: "point_explanations", question: "", answer: "", points: [] });
        app.redraw();
        document.getElementById(`why-${key}`).focus();
      }, "", { id: "add-explanation" }), make("p", "hint", 'Write "The {red mug} is chipped." Each pair of braces becomes '
        + "a chip: choose it, then point at the thing on the photo. It is trained on once every chip has its points.")];
    },
    markers: () => value() ? marked(lists(value())[chosen[1]] ?? []) : [],
    add(x, y) {
      if (!value()) return app.tell("Choose a chip first.");
      setPoints((points) => [...points, [x, y]]);
    },
    move: (index, x, y) => setPoints((points) => points.with(index, [x, y]), { typing: true }),
    remove: (index) => setPoints((points) => points.filter((_, i) => i !== index)),
  };
}

// While an answer is typed, points stay with their words: those whose words are unchanged, then the rest in order.
function follow(before, answer) {
  const old = chipsOf(before.answer), words = chipsOf(answer), free = new Set(old.keys());
  const take = (index) => { free.delete(index); return before.points[index] ?? []; };
  const same = words.map((word) => [...free].find((index) => old[index] === word && take(index)));
  return words.map((_, i) => same[i] !== undefined ? before.points[same[i]] ?? []
    : words.length === old.length && free.has(i) ? take(i) : []);
}
