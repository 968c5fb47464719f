/* Paints what the Python generators draw, number for number: scenes, clocks, charts and tables.

   random.js   Python's random numbers       canvas.js  what Pillow fills, and the mean of 4 x 4 pixels
   scene.js    scenes: paint, move, truth    paint.js   all of them by the record's type, and on the screen
*/
import { SIDE } from "./canvas.js";
import * as scenes from "./scene.js";

export { Random } from "./random.js";
export { COLORS, HELD_OUT, KINDS, MAX_THINGS, added, allPairs, isUsual, randomScene, removed, reshaped, scene,
         swapped } from "./scene.js";

const PAINTERS = { scene: scenes.scene };
const MOVES = { scene: scenes.moved };
const FINDERS = { scene: scenes.thingAt };
const TRUTHS = { scene: scenes.sceneTruth };

/** The picture of any record: 64 x 64 x 3 bytes, red, green and blue of each pixel, row by row. */
export function paint(record) {
  return PAINTERS[record.type](record);
}

/** The number of the thing at a place (percent), or -1. */
export function thingAt(record, x, y) {
  return FINDERS[record.type](record, x, y);
}

/** The record with its i-th thing moved to a place (percent). */
export function moved(record, i, x, y) {
  return MOVES[record.type](record, i, x, y);
}

export function recoloured(record, i, color) {
  return scenes.recoloured(record, i, color);
}

/** The true answer to a question about the record, or null if the question is not understood. */
export function truth(record, question) {
  return TRUTHS[record.type](record, question);
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
