/* What stands beside the answer: the same question about other pictures, and in other views. */
import { readable } from "./answer.js";
import { canvasOf } from "./board.js";
import { Picture, make, round, stream } from "./picture.js";
import { otherRecord, swappedRecord } from "./pictures.js";

// ---- Four pictures -------------------------------------------------------------------------------

const FOUR = {
  right: ["This picture", "asked as it is"],
  blank: ["Blank", "a white picture"],
  another: ["Another", "a different picture"],
  swapped: ["Swapped", "two things exchanged"],
};

/** What it means that the answer is that of "This picture". good: is it right here? null if that is not known. */
function sameWords(name, good) {
  if (good) return "The same answer, and it is right here, too.";
  if (good === false) return "The same answer, and it is wrong here: it did not follow the picture.";
  return name === "blank"
    ? "The same answer without a picture: it was not read off the picture."
    : "The same answer. If it is wrong here, it did not follow the picture.";
}

/** The same question about four pictures. */
export class FourPictures {
  constructor(host) {
    this.tiles = {};
    for (const [name, [title, hint]] of Object.entries(FOUR)) {
      const tile = make("figure", "tile"),
        stage = make("div"),
        said = make("p", "said");
      const same = make("figcaption", "same", "", { hidden: true });
      tile.append(make("h3", "", title), make("p", "hint", hint), stage, said, same);
      host.append(tile);
      const picture = new Picture(stage, {}, { label: `${title}: ${hint}`, zoom: false });
      picture.view.tabIndex = -1;
      picture.view.setAttribute("role", "img");
      this.tiles[name] = { tile, picture, said, same };
    }
  }

  /** source: the picture, none to hide the tile; same: is the answer that of "This picture"?; good: is it right? */
  show(name, { source, text, points, same, good }) {
    const { tile, picture, said, same: note } = this.tiles[name];
    tile.hidden = !source;
    if (!source) return;
    picture.show(source);
    picture.setPoints(points.map(([x, y]) => ({ x, y, shape: "ring", glides: true })));
    const places = points.map(([x, y]) => `${x.toFixed(1)}, ${y.toFixed(1)}`).join("; ");
    said.textContent = [readable(text) || "(nothing)", places].filter(Boolean).join(" at ");
    said.title = text;
    note.hidden = !same;
    note.textContent = sameWords(name, good);
    note.classList.toggle("fine", Boolean(good));
  }
}

// ---- Views ---------------------------------------------------------------------------------------

const VIEW_NAMES = { bird: "Bird", ground: "Ground", close_up: "Close-up" };

/** The overview and the crops of each view, drawn over the picture, with what they cost. */
export class Views {
  constructor({ host, note }, { names, trained, choose, size }) {
    Object.assign(this, { note, trained, size, tiles: {} });
    for (const name of names) {
      const tile = make("figure", "tile"),
        canvas = make("canvas", "", "", { width: 320, height: 320, role: "img" });
      const button = make("button", "small", VIEW_NAMES[name] ?? name, {
        type: "button",
        "aria-pressed": "false",
      });
      const list = make("dl"),
        said = make("p", "said");
      button.addEventListener("click", () => choose(name));
      tile.append(button, canvas, list, said);
      host.append(tile);
      this.tiles[name] = { canvas, button, list, said };
    }
  }

  mark(view) {
    for (const [name, { button }] of Object.entries(this.tiles))
      button.setAttribute("aria-pressed", String(name === view));
  }

  /** Ask in every view, one after another, and draw what each one sees. */
  async run(picture, question, source, stale) {
    for (const name of Object.keys(this.tiles)) {
      const seen = {};
      if (stale()) return;
      await stream("/api/ask", { picture, question, view: name }, (event) => {
        seen[event.e] = event;
      });
      if (seen.done) this.#show(name, seen.start, seen.done, source);
    }
    const side = Math.max(source.naturalWidth || source.width, source.naturalHeight || source.height);
    const same =
      side <= this.size
        ? ` This picture has ${side} pixels, no more than one crop, so all views see the same. ` +
          "Drop a photo to see them differ."
        : "";
    const name = VIEW_NAMES[this.trained] ?? this.trained;
    this.note.textContent = `It was trained in ${name} view; in the others it is on its own.${same}`;
  }

  #show(name, start, done, source) {
    const { canvas, list, said } = this.tiles[name];
    drawCrops(canvas, source, start.crops);
    const rows = [
      ["crops", start.crops.length],
      ["visual tokens", start.boxes.length],
      ["image", `${round(done.ms.image)} ms`],
      ["answer", `${round(done.ms.all)} ms`],
    ];
    list.replaceChildren(
      ...rows.flatMap(([term, value]) => [make("dt", "", term), make("dd", "", String(value))]),
    );
    said.textContent = readable(done.text);
    said.title = done.text;
    canvas.setAttribute(
      "aria-label",
      `${VIEW_NAMES[name]}: ${start.crops.length} crops, ${start.boxes.length} visual tokens`,
    );
  }
}

const CROP_COLORS = [
  "#5b6775",
  "#2f6fde",
  "#e8743b",
  "#1f9d61",
  "#8a56c9",
  "#d9a514",
  "#1aa3b8",
  "#d44a8a",
  "#7a6a58",
];

/** The picture with its crops: 0 is the overview, a dashed frame; the others are numbered. */
function drawCrops(canvas, source, crops) {
  const width = source.naturalWidth || source.width,
    height = source.naturalHeight || source.height;
  const ends = crops
    .map(([left, top, wide, high]) => [left, top, left + wide, top + high])
    .concat([[0, 0, 100, 100]]);
  const [left, top] = [0, 1].map((i) => Math.min(...ends.map((end) => end[i])));
  const [right, bottom] = [2, 3].map((i) => Math.max(...ends.map((end) => end[i])));
  const unit = Math.min(300 / ((right - left) * width), 300 / ((bottom - top) * height));
  const x = (value) => 10 + (value - left) * width * unit,
    y = (value) => 10 + (value - top) * height * unit;
  canvas.width = Math.ceil(x(right) + 10);
  canvas.height = Math.ceil(y(bottom) + 10);
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = width > 128;
  pen.drawImage(source, x(0), y(0), x(100) - x(0), y(100) - y(0));
  pen.font = "600 17px system-ui, sans-serif";
  crops.forEach(([cropLeft, cropTop, wide, high], i) => {
    const color = i ? CROP_COLORS[((i - 1) % 8) + 1] : CROP_COLORS[0],
      inset = i ? 2 : 0;
    const box = [
      x(cropLeft) + inset,
      y(cropTop) + inset,
      wide * width * unit - 2 * inset,
      high * height * unit - 2 * inset,
    ];
    pen.strokeStyle = color;
    pen.lineWidth = 3;
    pen.setLineDash(i ? [] : [8, 6]);
    pen.strokeRect(...box);
    if (!i) return;
    pen.fillStyle = `${color}22`;
    pen.fillRect(...box);
    pen.fillStyle = color;
    pen.fillText(String(i), box[0] + 6, box[1] + 18);
  });
  pen.setLineDash([]);
}

/** The records of the other pictures of a drawn one; null where there is none. */
export function otherRecords(record, question) {
  const blank = record.type === "scene" ? { ...record, things: [] } : null;
  return { blank, another: otherRecord(record), swapped: swappedRecord(record, question) };
}

/** The blank picture, another one, and the one on the stage with two things exchanged, as canvases.
    stage: {image, isPhoto}; of a photo the two halves are exchanged, and the record is the other picture. */
export function otherPictures(stage, record, { another, swapped }) {
  const { naturalWidth, naturalHeight, width, height } = stage.image;
  const blank = make("canvas", "", "", { width: naturalWidth || width, height: naturalHeight || height });
  const pen = blank.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, blank.width, blank.height);
  if (stage.isPhoto) {
    return { blank, another: canvasOf(record), swapped: halvesExchanged(stage.image, blank.width, blank.height) };
  }
  return { blank, another: canvasOf(another), swapped: swapped && canvasOf(swapped) };
}

function halvesExchanged(source, width, height) {
  const canvas = make("canvas", "", "", { width, height }),
    pen = canvas.getContext("2d");
  for (const shift of [-width / 2, width / 2]) pen.drawImage(source, shift, 0);
  return canvas;
}
