/* What a drawn picture's facts say about an answer. */
import * as paint from "./paint.js";
import { numberWord, timeIn } from "./truth.js";

const WRONG = 5; // percent of the width: from here on a point counts as wrong
const CLOSE = 5; // minutes: up to here the score of clocks counts a time as right, too
const MOST_IN_WORDS = 20;
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

/** The verdict on an answer: {strong, words} to read, `good` (null: not known, or close), `close`, and `targets`
    (true points). */
export function verdictOf(record, question, text, points) {
  const truth = text ? paint.truth(record, question) : null;
  if (!truth) return UNKNOWN;
  if (truth.time !== undefined) return timeVerdict(text, truth);
  if (truth.count !== undefined) {
    const good = countIn(text) === truth.count;
    return judged(good, "", `the true number is ${truth.count}`, truth.points);
  }
  if (truth.points && (points.length || text === "There are none.")) return pointVerdict(points, truth.points);
  if (truth.text ?? truth.texts) return wordVerdict(text, truth.texts ?? [truth.text]);
  return judged(false, "", "it has no point", truth.points);
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

/** The number that an answer says: its last one, in digits or as a word; null if it says none. */
function countIn(text) {
  const words = text.toLowerCase().replace(/<[^>]*>/g, " ").match(/\d+|[a-z]+/g) ?? [];
  const numbers = words.map(numberIn).filter((number) => number !== null);
  return numbers.at(-1) ?? null;
}

function numberIn(word) {
  if (/\d/.test(word)) return Number(word);
  if (word === "no" || word === "none") return 0;
  const number = Array.from({ length: MOST_IN_WORDS + 1 }, (_, i) => numberWord(i)).indexOf(word);
  return number < 0 ? null : number;
}

function timeVerdict(answer, { text, time, turn }) {
  const said = timeIn(answer, turn);
  if (said === null) return judged(false, "", `it is ${text}`);
  const off = Math.min((said - time + turn) % turn, (time - said + turn) % turn);
  const minutes = `${off} ${off === 1 ? "minute" : "minutes"} off`;
  if (off === 0 || off > CLOSE) return judged(off === 0, "", `${minutes}: it is ${text}`);
  const words = `it is ${text}. The score counts up to ${CLOSE} minutes as right.`;
  return { ...UNKNOWN, close: true, strong: `≈ ${minutes}`, words };
}

/** `rights`: the answers that are right, the best first. A whole sentence around one of them is not judged. */
function wordVerdict(text, rights) {
  const said = plain(text),
    good = rights.some((right) => plain(right) === said);
  const isAround = rights.some((right) => ` ${said} `.includes(` ${plain(right)} `));
  return isAround && !good ? UNKNOWN : judged(good, "", `it is ${rights[0]}`);
}

/** "On the left." as "left", "There are none." as "no". */
function plain(text) {
  const words = text.toLowerCase().match(/[a-z]+|[\d:]+/g) ?? [];
  if (words.at(-1) === "none") return "no";
  return words.filter((word) => !["a", "an", "the", "at", "on", "in"].includes(word)).join(" ");
}
