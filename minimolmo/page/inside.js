/* What a token attended to, and what it needed: the same picture twice, with two kinds of heat.
   Heat is a list of numbers, one for each box [left, top, width, height] in percent of the picture. */
import { make, post, round } from "./picture.js";

const GRID = 96; // cells a side in which overlapping boxes are added up

/** The boxes of side x side cells that cover the picture, row by row. */
export function cellBoxes(side) {
  const size = 100 / side;
  return Array.from({ length: side * side }, (_, i) => [
    (i % side) * size,
    Math.floor(i / side) * size,
    size,
    size,
  ]);
}

/** Heat per place: GRID x GRID numbers, the largest is 1. Boxes that overlap (crops) are added, by density.
    least: the value that makes a box bright at least, so that noise stays dark. */
export function spread(boxes, values, least = 0) {
  const sum = new Float32Array(GRID * GRID),
    floor = boxes.length ? least / (boxes[0][2] * boxes[0][3]) : 0;
  boxes.forEach(([left, top, width, height], i) => {
    if (!(values[i] > 0)) return;
    const cell = (percent) => Math.min(GRID, Math.max(0, Math.round((percent / 100) * GRID)));
    const density = values[i] / (width * height);
    for (let y = cell(top); y < cell(top + height); y++) {
      for (let x = cell(left); x < cell(left + width); x++) sum[y * GRID + x] += density;
    }
  });
  const most = Math.max(...sum, floor) || 1;
  return sum.map((value) => value / most);
}

let shade = null;

/** Dim everything but the hot places of a pen's canvas: it stays bright where the heat is high. */
export function drawHeat(pen, width, height, boxes, values, { depth = 0.8, least = 0 } = {}) {
  const heat = spread(boxes, values, least);
  shade ??= make("canvas", "", "", { width: GRID, height: GRID });
  const small = shade.getContext("2d"),
    image = small.createImageData(GRID, GRID);
  heat.forEach((value, i) => {
    image.data.set([10, 12, 20, 255 * depth * (1 - value)], 4 * i);
  });
  small.putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(shade, 0, 0, width, height);
}

/** The picture with heat on it, in a small canvas, and the numbers where there is room. */
export function heatFigure(canvas, source, boxes, values, words, least = 0) {
  const pen = canvas.getContext("2d"),
    { width, height } = canvas;
  pen.clearRect(0, 0, width, height);
  pen.imageSmoothingEnabled = (source.naturalWidth || source.width) > 128;
  pen.drawImage(source, 0, 0, width, height);
  drawHeat(pen, width, height, boxes, values, { least });
  const most = Math.max(...values, least);
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.font = `600 ${boxes.length > 20 ? 15 : 19}px system-ui, sans-serif`;
  boxes.forEach(([left, top, wide, high], i) => {
    if (boxes.length > 64 || !(values[i] > most * (boxes.length > 20 ? 0.3 : 0.04))) return;
    const x = ((left + wide / 2) / 100) * width,
      y = ((top + high / 2) / 100) * height;
    pen.lineWidth = 4;
    pen.strokeStyle = "#000c";
    pen.strokeText(words(values[i]), x, y);
    pen.fillStyle = "#fff";
    pen.fillText(words(values[i]), x, y);
  });
}

/** A table of the numbers: `columns` a row. */
export function numberTable(body, values, columns, words) {
  const rows = [];
  for (let start = 0; start < values.length; start += columns) {
    const row = make("tr");
    row.append(...values.slice(start, start + columns).map((value) => make("td", "", words(value))));
    rows.push(row);
  }
  body.replaceChildren(...rows);
}

/** A place in words: "around 62, 38". */
const placeWords = ([left, top, width, height]) =>
  `around ${Math.round(left + width / 2)}, ${Math.round(top + height / 2)}`;

/** Ask for both kinds of heat of an answer. They are kept, so that each token costs nothing more.

    stale    asked between the two: is the answer no longer shown?
    returns  {attended: [A][V], needed: [A][cells], side} with needed = how much a token's loss grows, or null
*/
export async function lookInside({ picture, question, view, ids }, stale) {
  const body = { picture, question, view, ids };
  const attention = await post("/api/attention", body);
  if (stale()) return null;
  const covered = await post("/api/occlusion", body);
  const needed = covered.losses.map((loss, token) =>
    covered.covered.map((cell) => Math.max(0, cell[token] - loss)),
  );
  return { attended: attention.attention, needed, side: covered.side };
}

/** "61 % at the top left, 20 % in the middle": the sum on the picture and its hottest places. */
export function attendedWords(values, boxes) {
  const total = values.reduce((sum, value) => sum + value, 0),
    top = values.indexOf(Math.max(...values));
  return `${round(100 * total, 0)} % of its attention is on the picture, most ${placeWords(boxes[top])}.`;
}

export function neededWords(values, side) {
  const most = Math.max(...values),
    top = values.indexOf(most);
  if (most < 0.02) return "Covering any one patch hardly changes this token.";
  const times = most > Math.log(1000) ? "over 1,000" : round(Math.exp(most), 1);
  return `Cover the patch ${placeWords(cellBoxes(side)[top])}, and it becomes ${times} × less likely.`;
}
