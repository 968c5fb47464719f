/* Charts of level easy: standing bars, lying bars and pies. Paints as data/docs/easy_charts.py, easy_pies.py.

   Records are what Python's BarChart and Pie hold:
     { type: "bars", style_seed, direction: "standing" or "lying", colors, values }   values of 1 to 9
     { type: "pie", style_seed, colors, tenths }                                      three that make 10
*/
import { Canvas, LARGE, SIDE, SUPERSAMPLE, round } from "./canvas.js";
import { Random } from "./random.js";
import { COLORS, randomJitter, shade } from "./scene.js";

export const FAINT = [206, 208, 212], INK = [38, 40, 48], WHITE = [255, 255, 255];
const DARKER = [150, 153, 160], AXIS = [96, 98, 106];
const START = 4, END = 60, STEP = 6, MIN_BAR_WIDTH = 7, MAX_VALUE = 9;     // pixels; the largest value
const CENTER = 32, RADIUS = 25, TICKS = [27, 30], TICK_COLOR = [120, 123, 130], DEGREES = 36;
const PIE_SHARE = 0.3, LYING_SHARE = 0.3;      // of all charts
const NUM_BARS = [3, 5], MAX_TENTHS = 8, LARGE_TENTHS = 6, LARGE_SHARE = 2 / 3;
// Never drawn in training.
const NOVEL_BARS = ["red 3", "red 7", "blue 2", "blue 8", "yellow 5", "green 4", "green 6", "purple 3",
                    "purple 7", "orange 5"];
const NOVEL_SLICES = ["red 3", "green 4", "blue 3", "yellow 4", "purple 3", "orange 4"];

/** The picture of a chart: 64 x 64 x 3 bytes. */
export function chart(record) {
  const rng = new Random(record.style_seed), canvas = makePaper(rng);
  if (record.type === "pie") paintPie(canvas, record, rng);
  else paintBars(canvas, record, rng);
  return canvas.reduced();
}

/** A canvas with paper of a random light tint. */
export function makePaper(rng) {
  const canvas = new Canvas(), grey = rng.integer(232, 252);
  const paper = [0, 1, 2].map(() => Math.min(255, grey + rng.integer(-5, 5)));
  canvas.rectangle(0, 0, LARGE - 1, LARGE - 1, paper);
  return canvas;
}

/** A number from low to high that follows from a page's seed; index 0 to 4 for independent numbers. */
function style(seed, index, low, high) {
  return low + (seed >>> 6 * index) % (high - low + 1);
}

function paintBars(canvas, record, rng) {
  const isStanding = record.direction === "standing";
  for (let value = 0; value <= MAX_VALUE; value++) {
    const color = value === 0 ? AXIS : value === 5 ? DARKER : FAINT;
    const at = isStanding ? END - value * STEP : START + value * STEP;
    canvas.box(isStanding ? [START, at, END, at + 1] : [at - 1, START, at, END], color);
  }
  barBoxes(record).forEach((box, i) => canvas.box(box, shade(record.colors[i], randomJitter(rng))));
}

/** The box of each bar in pixels of the picture. */
function barBoxes({ style_seed, direction, values }) {
  const slot = (END - START) / values.length, width = MIN_BAR_WIDTH + style(style_seed, 0, 0, 2);
  return values.map((value, i) => {
    const start = round(START + (i + 0.5) * slot - width / 2);
    return direction === "standing" ? [start, END - value * STEP, start + width, END]
      : [START, start, START + value * STEP, start + width];
  });
}

function paintPie(canvas, record, rng) {
  for (let tick = 0; tick < 10; tick++) {
    const ends = TICKS.flatMap((radius) => around(DEGREES * tick - 90, radius));
    canvas.line(...ends.map((value) => Math.trunc(value * SUPERSAMPLE)), SUPERSAMPLE, TICK_COLOR);
  }
  const low = (CENTER - RADIUS) * SUPERSAMPLE, high = (CENTER + RADIUS) * SUPERSAMPLE - 1;
  sliceEnds(record).slice(1).forEach((end, i) => {
    const color = shade(record.colors[i], randomJitter(rng));
    canvas.slice(low, low, high, high, end - DEGREES * record.tenths[i], end, color);
  });
}

function around(degrees, radius) {
  const turn = degrees * Math.PI / 180;
  return [CENTER + radius * Math.cos(turn), CENTER + radius * Math.sin(turn)];
}

/** Where the slices begin and end, in degrees clockwise from the right: four angles. */
function sliceEnds({ style_seed, tenths }) {
  const ends = [DEGREES * style(style_seed, 0, 0, 9) - 90];
  for (const share of tenths) ends.push(ends.at(-1) + DEGREES * share);
  return ends;
}

/** A random chart. `novel`: it shows at least one pair of a colour and a value never drawn in training. */
export function randomChart(rng, novel = false) {
  const kind = rng.fraction(), direction = kind < PIE_SHARE + LYING_SHARE ? "lying" : "standing";
  for (;;) {
    const record = kind < PIE_SHARE ? randomPie(rng) : randomBars(rng, direction);
    if (chartNovelParts(record).length > 0 === novel) return record;
  }
}

function randomBars(rng, direction) {
  const colors = rng.sample(Object.keys(COLORS), rng.integer(...NUM_BARS));
  const values = colors.map(() => rng.integer(1, MAX_VALUE));
  return { type: "bars", style_seed: rng.word(), direction, colors, values };
}

function randomPie(rng) {
  const isLarge = rng.fraction() < LARGE_SHARE, colors = rng.sample(Object.keys(COLORS), 3);
  for (;;) {
    const [a, b] = [rng.integer(1, MAX_TENTHS), rng.integer(1, MAX_TENTHS)], tenths = [a, b, 10 - a - b];
    if (tenths[2] >= 1 && Math.max(...tenths) >= LARGE_TENTHS === isLarge) {
      return { type: "pie", style_seed: rng.word(), colors, tenths };
    }
  }
}

/** The numbers of the bars or slices that were never drawn in training. */
export function chartNovelParts(record) {
  const [values, held] = record.type === "pie" ? [record.tenths, NOVEL_SLICES] : [record.values, NOVEL_BARS];
  return [...values.keys()].filter((i) => held.includes(`${record.colors[i]} ${values[i]}`));
}

/** The number of the bar in whose strip a place lies, or of the slice; -1 outside. x and y in percent. */
export function chartThingAt(record, x, y) {
  const place = [x / 100 * SIDE, y / 100 * SIDE];
  if (record.type === "pie") return sliceAt(record, ...place);
  const across = place[record.direction === "standing" ? 0 : 1];
  const slot = Math.floor((across - START) / (END - START) * record.values.length);
  return slot >= 0 && slot < record.values.length ? slot : -1;
}

function sliceAt(record, x, y) {
  if (Math.hypot(x - CENTER, y - CENTER) > RADIUS) return -1;
  const ends = sliceEnds(record), angle = turnAfter(ends[0], x, y);
  return ends.slice(1).findIndex((end) => angle < end - ends[0]);
}

/** Degrees from an angle clockwise to a place: 0 to 360. */
function turnAfter(degrees, x, y) {
  return (Math.atan2(y - CENTER, x - CENTER) * 180 / Math.PI - degrees + 1080) % 360;
}

/** The chart with its i-th bar as long as to a place, or with the end of its i-th slice there. Percent. */
export function chartMoved(record, i, x, y) {
  const place = [x / 100 * SIDE, y / 100 * SIDE];
  if (record.type === "pie") return pieMoved(record, i, ...place);
  const length = record.direction === "standing" ? END - place[1] : place[0] - START;
  const value = Math.min(MAX_VALUE, Math.max(1, Math.round(length / STEP)));
  return { ...record, values: record.values.with(i, value) };
}

/** Only the slice and the next one change; the end of the last one stays. */
function pieMoved(record, i, x, y) {
  if (i === 2) return record;
  const both = record.tenths[i] + record.tenths[i + 1], begin = sliceEnds(record)[i];
  const wanted = Math.round(turnAfter(begin, x, y) / DEGREES);
  const share = Math.min(both - 1, MAX_TENTHS, Math.max(1, both - MAX_TENTHS, wanted));
  return { ...record, tenths: record.tenths.with(i, share).with(i + 1, both - share) };
}

/** The chart with another colour of a bar or slice. A colour that is there already is exchanged. */
export function chartRecoloured(record, i, color) {
  const old = record.colors[i];
  const colors = record.colors.map((other, j) => j === i ? color : other === color ? old : other);
  return { ...record, colors };
}

/** The chart without its i-th bar; three bars are the fewest, and a pie keeps its slices. */
export function chartRemoved(record, i) {
  if (record.type === "pie" || record.values.length <= NUM_BARS[0]) return record;
  return { ...record, colors: record.colors.toSpliced(i, 1), values: record.values.toSpliced(i, 1) };
}
