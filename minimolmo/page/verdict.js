/* What a drawn picture's facts say about an answer. */
import * as paint from "./paint.js";

const WRONG = 5; // percent of the width: from here on a point counts as wrong
const COUNTS = /how many|count|number|total|add up/i,
  POINTS = /point|mark|where|dot|tap|spot|location/i;
const UNKNOWN = { words: "", strong: "", good: null, targets: [] };

export const distance = ([x0, y0], [x1, y1]) => Math.hypot(x0 - x1, y0 - y1);

/** The mean distance of the true points from the answer's, each taken once; null without points. */
export function pointError(points, targets) {
  const left = [...points],
    errors = [];
  for (const target of targets) {
    if (!left.length) break;
    const far = left.map((point) => distance(point, target)),
      nearest = far.indexOf(Math.min(...far));
    left.splice(nearest, 1);
    errors.push(far[nearest]);
  }
  return errors.length ? errors.reduce((sum, error) => sum + error, 0) / errors.length : null;
}

/** The verdict on an answer: {strong, words} to read, `good` (null: not known), `targets` (true points). */
export function verdictOf(record, question, text, points) {
  const truth = text ? paint.truth(record, question) : null;
  if (!truth) return UNKNOWN;
  if (truth.text !== undefined) {
    return judged(text.trim().toLowerCase() === String(truth.text).toLowerCase(), "", `it is ${truth.text}`);
  }
  if (COUNTS.test(question)) {
    const numbers = text.replace(/<[^>]*>/g, "").match(/\d+/g);
    const said = numbers ? Number(numbers.at(-1)) : /none/i.test(text) ? 0 : null;
    return judged(said === truth.count, "", `the true number is ${truth.count}`, truth.points);
  }
  return POINTS.test(question) && (points.length || text === "There are none.")
    ? pointVerdict(points, truth.points)
    : UNKNOWN;
}

function judged(good, right, wrong, targets = []) {
  return { good, strong: good ? "✓ right" : "✗ wrong", words: good ? right : wrong, targets };
}

function pointVerdict(points, targets) {
  if (!points.length || !targets.length)
    return judged(
      points.length === targets.length,
      "there is none",
      targets.length ? "one is there" : "there is none",
      targets,
    );
  if (points.length !== targets.length)
    return { good: false, strong: `✗ ${points.length} of ${targets.length}`, words: "points", targets };
  const error = pointError(points, targets),
    good = error <= WRONG;
  const words = `of the width from the true ${targets.length > 1 ? "centres (mean)" : "centre"}`;
  return { good, targets, strong: `${good ? "✓" : "✗"} ${error.toFixed(1)} %`, words };
}
