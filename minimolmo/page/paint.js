/* Paints what the Python generators draw, number for number: scenes, clocks, charts and tables.

   random.js  Python's random numbers       canvas.js  what Pillow fills, and the mean of 4 x 4 pixels
   scene.js   clock.js   charts.js   table.js (with digits.js)      paint, find, move, recolour, remove
   truth.js   scene_truth.js   the right answers       paint.js   all of it by the record's type, and on the screen

   A record is what the Python record of the same kind holds, and its `type`. No function changes a record:
   each gives a new one. Places are x, y in percent of the picture, the origin at the top left.
*/
import { SIDE } from "./canvas.js";
import * as charts from "./charts.js";
import * as clocks from "./clock.js";
import * as scenes from "./scene.js";
import { sceneTruth } from "./scene_truth.js";
import * as tables from "./table.js";
import { clockTruth, pageTruth } from "./truth.js";

export { chart, randomChart } from "./charts.js";
export { clock, clockTips, randomClock } from "./clock.js";
export { Random } from "./random.js";
export { COLORS, HELD_OUT, KINDS, MAX_THINGS, added, allPairs, isUsual, randomScene, reshaped, scene,
         swapped } from "./scene.js";
export { randomTable, renumbered, table } from "./table.js";

const chartTools = {
  paint: charts.chart, thingAt: charts.chartThingAt, moved: charts.chartMoved, removed: charts.chartRemoved,
  recoloured: charts.chartRecoloured, novelParts: charts.chartNovelParts,
  truth: (record, question) => asText(pageTruth(record, question)),
};
const TOOLS = {
  scene: {
    paint: scenes.scene, thingAt: scenes.thingAt, moved: scenes.moved, recoloured: scenes.recoloured,
    removed: scenes.removed, novelParts: scenes.novelParts, truth: sceneTruth,
  },
  clock: {
    paint: clocks.clock, thingAt: clocks.clockThingAt, moved: clocks.clockMoved, removed: (record) => record,
    recoloured: clocks.clockRecoloured, novelParts: (record) => clocks.isNovelTime(record) ? [0, 1] : [],
    truth: clockTruth,
  },
  bars: chartTools,
  pie: chartTools,
  table: {
    paint: tables.table, thingAt: tables.tableThingAt, moved: tables.tableMoved, removed: tables.tableRemoved,
    recoloured: tables.tableRecoloured, novelParts: tables.tableNovelParts,
    truth: (record, question) => asText(pageTruth(record, question)),
  },
};

function asText(text) {
  return text === null ? null : { text };
}

/** The picture of any record: 64 x 64 x 3 bytes, red, green and blue of each pixel, row by row. */
export function paint(record) {
  return TOOLS[record.type].paint(record);
}

/** The number of what is at a place, or -1: a thing, hour hand 0 or minute hand 1, a bar, a slice, a row. */
export function thingAt(record, x, y) {
  return TOOLS[record.type].thingAt(record, x, y);
}

/** The record with its i-th part at a place, or as close as the record's laws allow. */
export function moved(record, i, x, y) {
  return TOOLS[record.type].moved(record, i, x, y);
}

/** The record with its i-th part in another colour of COLORS. */
export function recoloured(record, i, color) {
  return TOOLS[record.type].recoloured(record, i, color);
}

/** The record without its i-th part; the same record if it cannot do without. */
export function removed(record, i) {
  return TOOLS[record.type].removed(record, i);
}

/** The numbers of the parts that show a composition never drawn in training; [] for most records. */
export function novelParts(record) {
  return TOOLS[record.type].novelParts(record);
}

/** The truth about a question, null if it is not understood: { points, count, texts } of a scene (see
    scene_truth.js), { text } of others, of a clock also { time } (see truth.js). */
export function truth(record, question) {
  return TOOLS[record.type].truth(record, question);
}

/** Show a picture on a canvas element of any size, each pixel as a square. */
export function show(canvas, picture) {
  const small = new OffscreenCanvas(SIDE, SIDE), context = canvas.getContext("2d");
  small.getContext("2d").putImageData(toImageData(picture), 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

function toImageData(picture) {
  const image = new ImageData(SIDE, SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    image.data.set(picture.subarray(3 * i, 3 * i + 3), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  return image;
}

/** A PNG of a picture, for /api/picture: a promise of a Blob. */
export function toPng(picture) {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  canvas.getContext("2d").putImageData(toImageData(picture), 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/** The pictures of several records, one after another, as /api/sweep wants them. */
export function paintAll(records) {
  const bytes = new Uint8Array(records.length * SIDE * SIDE * 3);
  records.forEach((record, i) => bytes.set(paint(record), i * SIDE * SIDE * 3));
  return bytes;
}

/** The scene with its i-th thing at each place of a grid, row by row: steps x steps records. */
export function sweep(record, i, steps = 16) {
  const { width, height } = record.things[i];
  const at = (index, length) => length / 2 + (100 - length) * index / (steps - 1);
  return Array.from({ length: steps * steps }, (_, cell) => (
    moved(record, i, at(cell % steps, width), at(Math.floor(cell / steps), height))));
}
