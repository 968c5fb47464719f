/* Clocks of level easy. Paints as data/clocks/easy.py.

   A record is what Python's EasyClock holds: { type: "clock", hour, minute, minute_color, face, square,
   marks, has_accent, x, y, radius, tilt, style_seed }, lengths in pixels of the picture. Parts of the dial
   are measured in radii of the dial; angles are degrees clockwise from twelve.
*/
import { Canvas, LARGE, SIDE, SUPERSAMPLE } from "./canvas.js";
import { Random } from "./random.js";
import { COLORS, paintBackground } from "./scene.js";

const HOUR_HANDS = { black: [24, 26, 34], white: [246, 246, 242] };
export const FACES = {
  paper: face([252, 252, 248], [52, 58, 72], [66, 74, 92], [206, 24, 40], "black"),
  cream: face([252, 240, 212], [92, 68, 48], [134, 92, 58], [134, 92, 58], "black"),
  mint: face([222, 242, 230], [36, 84, 74], [58, 128, 110], [24, 96, 84], "black"),
  sky: face([220, 234, 250], [48, 72, 112], [84, 118, 170], [32, 70, 150], "black"),
  night: face([32, 40, 68], [176, 188, 214], [150, 162, 190], [250, 250, 250], "white"),
  slate: face([44, 46, 52], [190, 190, 186], [24, 24, 28], [240, 190, 90], "white"),
};
const MARKS = ["bars", "dots", "quarters"];
const HOUR_LENGTH = 0.48, MINUTE_LENGTH = 0.76, HOUR_WIDTH = 0.15, MINUTE_WIDTH = 0.085;
const RIM = 0.07, MARK_INNER = 0.81, MARK_OUTER = 0.91;
const ROUND_RADIUS = [22, 30], SQUARE_RADIUS = [22, 29], SQUARE_REACH = 1.07, MAX_TILT = 4;
const NEAR = 3;                // pixels from a hand that still take hold of it
const HOUR_HAND = 0, MINUTE_HAND = 1, DIAL = 2;     // what thingAt finds

function face(dial, ink, rim, accent, hourHand) {
  return { dial, ink, rim, accent, hourHand: HOUR_HANDS[hourHand], isDark: hourHand === "white" };
}

/** The picture of a clock: 64 x 64 x 3 bytes. */
export function clock(record) {
  const canvas = new Canvas(), look = FACES[record.face];
  paintBackground(canvas, new Random(record.style_seed));
  const pen = makePen(canvas, record);
  paintDial(pen, look, record.square);
  paintMarks(pen, look, record.marks, record.has_accent);
  paintHand(pen, minuteAngle(record), MINUTE_LENGTH, MINUTE_WIDTH, COLORS[record.minute_color]);
  paintHand(pen, hourAngle(record), HOUR_LENGTH, HOUR_WIDTH, look.hourHand);
  pen.disc([0, 0], 0.75 * HOUR_WIDTH, look.hourHand);
  return canvas.reduced();
}

function minuteAngle({ minute }) {
  return 6 * minute;
}

function hourAngle({ hour, minute }) {
  return 30 * (hour % 12) + minute / 2;
}

function dialPoint(angle, radius) {
  const turn = angle * Math.PI / 180;
  return [radius * Math.sin(turn), -radius * Math.cos(turn)];
}

/** Draws in radii of the dial, tilted as the clock. */
function makePen(canvas, record) {
  const [x0, y0, radius] = [record.x, record.y, record.radius].map((length) => length * SUPERSAMPLE);
  const cos = Math.cos(record.tilt * Math.PI / 180), sin = Math.sin(record.tilt * Math.PI / 180);
  const place = ([x, y]) => [x0 + radius * (x * cos - y * sin), y0 + radius * (x * sin + y * cos)];
  return {
    polygon: (corners, color) => canvas.polygon(corners.map(place), color),
    disc(center, share, color) {
      const [x, y] = place(center), reach = share * radius;
      canvas.ellipse(x - reach, y - reach, x + reach, y + reach, color);
    },
    bar(start, end, width, color) {
      const [u, v] = [end[0] - start[0], end[1] - start[1]], length = Math.hypot(u, v);
      const across = [-v / length / 2 * width, u / length / 2 * width];
      const side = (point, sign) => [point[0] + sign * across[0], point[1] + sign * across[1]];
      this.polygon([side(start, 1), side(start, -1), side(end, -1), side(end, 1)], color);
    },
  };
}

function paintDial(pen, look, isSquare) {
  for (const [r, color] of [[1, look.rim], [1 - RIM, look.dial]]) {
    if (isSquare) pen.polygon([[-r, -r], [r, -r], [r, r], [-r, r]], color);
    else pen.disc([0, 0], r, color);
  }
}

function paintMarks(pen, look, marks, hasAccent) {
  for (let hour = 1; hour < 12; hour++) {
    const angle = 30 * hour, isQuarter = hour % 3 === 0;
    if (marks === "bars" || isQuarter === (marks === "dots")) {
      pen.bar(dialPoint(angle, MARK_INNER), dialPoint(angle, MARK_OUTER), isQuarter ? 0.07 : 0.04, look.ink);
    } else {
      pen.disc(dialPoint(angle, (MARK_INNER + MARK_OUTER) / 2), isQuarter ? 0.06 : 0.035, look.ink);
    }
  }
  pen.bar([0, 0.03 - MARK_INNER], [0, -MARK_OUTER], 0.17, hasAccent ? look.accent : look.ink);
}

function paintHand(pen, angle, length, width, color) {
  const tip = dialPoint(angle, length);
  pen.bar([0, 0], tip, width, color);
  pen.disc(tip, width / 2, color);
}

/** Is this combination of hour and five minutes kept from training? */
export function isNovelTime({ hour, minute }) {
  return Math.floor(minute / 5) === (5 * hour + 2) % 12;
}

/** A random clock. `novel`: its time is one that was never drawn in training. */
export function randomClock(rng, novel = false) {
  const square = rng.fraction() < 0.4;
  const radius = hundredths(rng.uniform(...square ? SQUARE_RADIUS : ROUND_RADIUS));
  const reach = radius * (square ? SQUARE_REACH : 1);
  const [x, y] = [0, 1].map(() => hundredths(rng.uniform(reach, SIDE - reach)));
  const minute_color = rng.choice(Object.keys(COLORS));
  const faces = Object.keys(FACES).filter((name) => minute_color !== "yellow" || FACES[name].isDark);
  return {
    type: "clock", ...randomTime(rng, novel), minute_color, face: rng.choice(faces), square,
    marks: rng.choice(MARKS), has_accent: rng.fraction() < 0.5, x, y, radius,
    tilt: Math.round(10 * rng.uniform(-MAX_TILT, MAX_TILT)) / 10, style_seed: rng.word(),
  };
}

function randomTime(rng, novel) {
  for (;;) {
    const time = { hour: rng.integer(1, 12), minute: rng.integer(0, 59) };
    if (isNovelTime(time) === novel) return time;
  }
}

function hundredths(value) {
  return Math.round(100 * value) / 100;
}

/** 0 on the hour hand, 1 on the minute hand, 2 elsewhere on the dial, -1 outside. x and y in percent. */
export function clockThingAt(record, x, y) {
  const place = fromCenter(record, x, y);
  const isNear = (angle, length) => (
    distanceToHand(place, angle + record.tilt, length * record.radius) <= NEAR);
  if (isNear(hourAngle(record), HOUR_LENGTH)) return HOUR_HAND;
  if (isNear(minuteAngle(record), MINUTE_LENGTH)) return MINUTE_HAND;
  return Math.hypot(...place) <= record.radius ? DIAL : -1;
}

function fromCenter(record, x, y) {
  return [x / 100 * SIDE - record.x, y / 100 * SIDE - record.y];
}

function distanceToHand([x, y], angle, length) {
  const [u, v] = dialPoint(angle, 1), along = Math.min(length, Math.max(0, x * u + y * v));
  return Math.hypot(x - along * u, y - along * v);
}

/** The clock with its hour hand (0) or minute hand (1) towards a place, or its centre (2) there. Percent.

    Both hands move, as on a clock: a minute hand that passes twelve changes the hour. */
export function clockMoved(record, i, x, y) {
  const [u, v] = fromCenter(record, x, y);
  if (i === DIAL) return { ...record, x: inside(record, record.x + u), y: inside(record, record.y + v) };
  const turn = (Math.atan2(u, -v) * 180 / Math.PI - record.tilt + 720) % 360;
  const now = record.hour % 12 * 60 + record.minute, minute = Math.round(turn / 6) % 60;
  const step = (minute - record.minute + 90) % 60 - 30;      // the shorter way round
  const total = (i === HOUR_HAND ? Math.round(2 * turn) : now + step + 720) % 720;
  return { ...record, hour: Math.floor(total / 60) || 12, minute: total % 60 };
}

function inside(record, middle) {
  const reach = record.radius * (record.square ? SQUARE_REACH : 1);
  return hundredths(Math.min(SIDE - reach, Math.max(reach, middle)));
}

/** The clock with another colour of its minute hand. A yellow one stands out on dark dials only. */
export function clockRecoloured(record, i, color) {
  const hidden = color === "yellow" && !FACES[record.face].isDark;
  return { ...record, minute_color: color, face: hidden ? "night" : record.face };
}

/** The tips of the hour hand and of the minute hand, [x, y] in percent. */
export function clockTips(record) {
  const hands = [[hourAngle(record), HOUR_LENGTH], [minuteAngle(record), MINUTE_LENGTH]];
  return hands.map(([angle, length]) => dialPoint(angle + record.tilt, length * record.radius))
    .map(([u, v]) => [(record.x + u) / SIDE * 100, (record.y + v) / SIDE * 100]);
}
