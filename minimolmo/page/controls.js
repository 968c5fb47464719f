/* The controls around the stage: kinds of picture, colours and shapes, and what can be done to a picture. */
import { shapeButton } from "./board.js";
import * as paint from "./paint.js";
import { make } from "./picture.js";
import { KINDS_OF_PICTURE } from "./pictures.js";

const DELETABLE = ["scene", "bars", "table"];

/** A button for each kind of picture that the model knows. open(type) is called on a click. */
export function buildTabs(host, styles, open) {
  const known = Object.entries(KINDS_OF_PICTURE).filter(
    ([type, { needs }]) => type === "scene" || styles.includes(needs),
  );
  for (const [type, name] of [...known.map(([type, { name }]) => [type, name]), ["photo", "Photo"]]) {
    const button = make("button", "", name, { type: "button", "aria-pressed": "false" });
    button.dataset.type = type;
    button.addEventListener("click", () => open(type));
    host.append(button);
  }
}

/** The tools for a kind of picture: colours, shapes, and buttons. Their state is set by `markTools`. */
export function buildTools(host, type, board, cursor) {
  const row = make("div", "row");
  const button = (id, text, title, act) => {
    const one = make("button", "small", text, { type: "button", id, title });
    one.addEventListener("click", act);
    row.append(one);
  };
  if (type === "scene") button("add", "Add", "Add a shape of this colour and kind", () => board.add());
  if (DELETABLE.includes(type))
    button("remove", "Delete", "Delete what is selected", () => board.remove(...cursor()));
  if (type === "table")
    for (const by of [-10, -1, 1, 10]) {
      button(`by${by}`, by > 0 ? `+${by}` : `−${-by}`, "Change the number in the selected row", () =>
        board.renumber(by),
      );
    }
  button("undo", "Undo", "Undo the last change", () => board.undo());
  button("new", "New", "A new random picture", () => board.load(KINDS_OF_PICTURE[type].random()));
  host.replaceChildren(palette(board, type === "scene"), row);
}

function palette(board, withKinds) {
  const bar = make("div", "palette"),
    colors = make("div", "row", "", { role: "group", "aria-label": "Colour" });
  const kinds = make("div", "row", "", { role: "group", "aria-label": "Shape" });
  for (const color of Object.keys(paint.COLORS)) {
    const button = shapeButton("circle", color, color);
    button.dataset.color = color;
    button.addEventListener("click", () => board.recolour(color));
    colors.append(button);
  }
  for (const kind of Object.keys(paint.KINDS)) {
    const button = shapeButton(kind, "", kind);
    button.dataset.kind = kind;
    button.addEventListener("click", () => board.reshape(kind));
    kinds.append(button);
  }
  bar.append(colors, ...(withKinds ? [kinds] : []));
  return bar;
}

/** Show which colour and shape are chosen, and what can be done now. */
export function markTools(host, board) {
  const mark = (name, chosen) => {
    for (const button of host.querySelectorAll(`[data-${name}]`))
      button.setAttribute("aria-pressed", String(button.dataset[name] === chosen));
  };
  mark("color", board.color);
  mark("kind", board.kind);
  const disable = (id, isOff) => {
    const button = host.querySelector(`#${id}`);
    if (button) button.disabled = isOff;
  };
  disable("remove", board.selected < 0 || board.count() < 2);
  disable("add", board.count() >= paint.MAX_THINGS);
  disable("undo", !board.past.length);
}

/** What the page says about the model. */
export function modelWords(model) {
  const { name, parameters, size, words } = model;
  const million =
    parameters >= 1e9
      ? `${(parameters / 1e9).toFixed(1)} billion`
      : `${(parameters / 1e6).toFixed(1)} million`;
  const seen = `It sees ${size} × ${size} pixels. Drag a shape: it answers as you drag.`;
  return words
    ? `${name}: ${million} parameters, trained from random numbers. ${seen}`
    : `${name}: ${million} parameters. Drop a photo, and ask.`;
}
