/* Scenes of level easy: a few coloured shapes on a light background. Paints as data/scenes/easy.py.

   A record is what Python's Scene holds: { type: "scene", style_seed, things: [{ kind, color, x, y, width,
   height }, ...] }, x and y of the centre, all in percent of the picture's width. A thing may have a
   `jitter`: how far its red, green and blue are from the named colour.
*/
import { Canvas, LARGE, SIDE, SUPERSAMPLE, round } from "./canvas.js";
import { Random } from "./random.js";

export const COLORS = {
  red: [206, 24, 40], green: [28, 148, 60], blue: [32, 84, 220],
  yellow: [244, 218, 40], purple: [142, 42, 172], orange: [246, 122, 8],
};
export const KINDS = {      // corners in a box of side 1
  circle: Array.from({ length: 32 }, (_, i) => circleCorner(2 * Math.PI * i / 32)),
  square: [[0, 0], [1, 0], [1, 1], [0, 1]],
  triangle: [[0.5, 0], [1, 1], [0, 1]],
  cross: [[0.34, 0], [0.66, 0], [0.66, 0.34], [1, 0.34], [1, 0.66], [0.66, 0.66],
          [0.66, 1], [0.34, 1], [0.34, 0.66], [0, 0.66], [0, 0.34], [0.34, 0.34]],
};
export const HELD_OUT = ["red triangle", "blue cross", "yellow circle"];   // never drawn in training
export const MAX_THINGS = 7;
export const RADIUS = [8, 13];       // half the side of a thing's box, percent
export const GAP = 3;                // smallest distance between two boxes, percent

const CELL = 4;                      // pixels along a cell of the background
const NOISE = 3;                     // largest difference of a cell from the tint (0-255)
const SHADE_JITTER = 10;             // largest difference of a thing from its named colour (0-255)
const TRIES = 30;                    // places that are tried for a thing before the scene is begun again

function circleCorner(angle) {
  return [0.5 + 0.5 * Math.cos(angle), 0.5 + 0.5 * Math.sin(angle)];
}

/** The picture of a scene: 64 x 64 x 3 bytes. */
export function scene(record) {
  const rng = new Random(record.style_seed), canvas = new Canvas();
  paintBackground(canvas, rng);
  for (const thing of record.things) {
    const jitter = randomJitter(rng);    // always drawn, so that the next things keep theirs
    canvas.polygon(corners(thing), shade(thing.color, thing.jitter ?? jitter));
  }
  return canvas.reduced();
}

/** A light background whose cells differ a little. */
export function paintBackground(canvas, rng) {
  const cells = SIDE / CELL, large = CELL * SUPERSAMPLE, noise = rng.bytes(cells * cells * 3);
  const tint = [0, 1, 2].map(() => rng.integer(226, 250));
  for (let i = 0; i < cells * cells; i++) {
    const left = i % cells * large, top = Math.floor(i / cells) * large;
    const color = tint.map((base, channel) => base + noise[3 * i + channel] % (2 * NOISE + 1) - NOISE);
    canvas.rectangle(left, top, left + large - 1, top + large - 1, color);
  }
}

export function randomJitter(rng) {
  return [0, 1, 2].map(() => rng.integer(-SHADE_JITTER, SHADE_JITTER));
}

export function shade(color, jitter) {
  return COLORS[color].map((channel, i) => Math.min(255, Math.max(0, channel + jitter[i])));
}

/** The corners of a thing on the large canvas. Pillow fills the last pixel too, so 1 is subtracted. */
function corners(thing) {
  const width = round(thing.width / 100 * LARGE), height = round(thing.height / 100 * LARGE);
  const left = round(thing.x / 100 * LARGE - width / 2), top = round(thing.y / 100 * LARGE - height / 2);
  return KINDS[thing.kind].map(([u, v]) => [left + round(u * (width - 1)), top + round(v * (height - 1))]);
}

/** All 24 pairs of a colour and a kind. `novel`: the pair was never drawn in training. */
export function allPairs() {
  return Object.keys(COLORS).flatMap((color) => Object.keys(KINDS).map((kind) => (
    { color, kind, novel: HELD_OUT.includes(`${color} ${kind}`) })));
}

/** A random scene. `pairs`: what it shows, [{ color, kind }, ...]; otherwise 2 to 5 trained ones. */
export function randomScene(rng, pairs = null) {
  const trained = allPairs().filter((pair) => !pair.novel);
  const wanted = pairs ?? rng.sample(trained, rng.integer(2, 5));
  const things = [];
  while (things.length < wanted.length) {
    const thing = freeThing(wanted[things.length], things, rng);
    if (thing) things.push(thing);
    else things.length = 0;
  }
  return { type: "scene", style_seed: rng.word(), things };
}

/** A random thing with a gap to all others, or null if no place was found. */
function freeThing({ color, kind }, others, rng) {
  for (let turn = 0; turn < TRIES; turn++) {
    const pixels = rng.integer(Math.ceil(RADIUS[0] / 50 * LARGE), Math.floor(RADIUS[1] / 50 * LARGE));
    const [x, y] = [0, 1].map(() => rng.integer(0, LARGE - pixels) + pixels / 2);
    const thing = { kind, color, x: toPercent(x), y: toPercent(y), width: toPercent(pixels),
                    height: toPercent(pixels) };
    if (others.every((other) => areApart(thing, other))) return thing;
  }
  return null;
}

/** Percent of the picture, with two decimals as in Python, from pixels of the large canvas. */
function toPercent(pixels) {
  return round(pixels * 100 / LARGE * 100) / 100;
}

function areApart(a, b) {
  return Math.abs(a.x - b.x) >= (a.width + b.width) / 2 + GAP
      || Math.abs(a.y - b.y) >= (a.height + b.height) / 2 + GAP;
}

/** Does the scene obey the laws of the training set: no two things too close, not too many, no novel pair? */
export function isUsual(record) {
  const { things } = record;
  return things.length >= 1 && things.length <= MAX_THINGS && novelParts(record).length === 0
      && things.every((a, i) => things.slice(i + 1).every((b) => areApart(a, b)));
}

/** The numbers of the things whose pair of colour and kind was never drawn in training. */
export function novelParts({ things }) {
  return [...things.keys()].filter((i) => HELD_OUT.includes(`${things[i].color} ${things[i].kind}`));
}

/** The number of the uppermost thing whose box holds the place, or -1. x and y in percent. */
export function thingAt({ things }, x, y) {
  return things.findLastIndex((thing) => Math.abs(x - thing.x) <= thing.width / 2
                                      && Math.abs(y - thing.y) <= thing.height / 2);
}

/** The scene with its i-th thing centred at x, y (percent), or as close as the picture allows. */
export function moved(record, i, x, y) {
  const { width, height } = record.things[i];
  return changed(record, i, { x: placed(x, width), y: placed(y, height) });
}

/** A centre from which the thing lies inside the picture, on whole pixels of the large canvas. */
function placed(middle, length) {
  const pixels = round(length / 100 * LARGE), start = Math.round(middle / 100 * LARGE - pixels / 2);
  return toPercent(Math.min(Math.max(start, 0), LARGE - pixels) + pixels / 2);
}

export function recoloured(record, i, color) {
  return changed(record, i, { color });
}

export function reshaped(record, i, kind) {
  return changed(record, i, { kind });
}

function changed(record, i, change) {
  return { ...record, things: record.things.map((thing, j) => j === i ? { ...thing, ...change } : thing) };
}

/** The scene with the places of two things exchanged. */
export function swapped(record, i, j) {
  const [a, b] = [record.things[i], record.things[j]];
  return moved(moved(record, i, b.x, b.y), j, a.x, a.y);
}

/** The scene without its i-th thing. The others keep their shades. */
export function removed(record, i) {
  return { ...record, things: withJitters(record).filter((_, j) => j !== i) };
}

/** The scene with one more thing on top, of the usual size unless `pixels` (of 256) is given. */
export function added(record, color, kind, x, y, pixels = 54) {
  const thing = { kind, color, x, y, width: toPercent(pixels), height: toPercent(pixels) };
  return moved({ ...record, things: [...record.things, thing] }, record.things.length, x, y);
}

function withJitters({ style_seed, things }) {
  const rng = new Random(style_seed);
  paintBackground(new Canvas(), rng);
  return things.map((thing) => {
    const jitter = randomJitter(rng);
    return { ...thing, jitter: thing.jitter ?? jitter };
  });
}
