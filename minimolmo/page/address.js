/* The state of the page in its address: the question, the view and a drawn picture. A photo does not fit in. */
import { canvasOf } from "./board.js";
import * as paint from "./paint.js";

const LONGEST_QUESTION = 500; // characters
const DAMAGED =
  "The picture in this address cannot be read: a part of it is missing or changed, as when a link is cut at " +
  "the end of a line. Try copying the whole address again.";
const STRANGE =
  "The picture in this address is none that this page can draw: it was edited, or made by another version of " +
  "the page. Try making the picture anew.";
const PHOTO =
  "This address was copied beside a photo, and an address cannot carry a photo: only the question came along. " +
  "Drop the photo here to ask it again.";

/** A record as text for the address. */
export function encodeRecord(record) {
  return btoa(JSON.stringify(record)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The part of the address behind "#". record: null beside a photo; view: null for that of training. */
export function addressOf(record, question, view = null) {
  const parts = new URLSearchParams({ q: question });
  if (view) parts.set("view", view);
  if (record) parts.set("scene", encodeRecord(record));
  else parts.set("photo", "");
  return `#${parts}`;
}

/** What an address says: {question, view, record, problems}. What it lacks is "" or null; `problems` are sentences
    about what in it cannot be used. views: those that the model has. */
export function readAddress(hash, views) {
  const parts = new URLSearchParams(hash.slice(1)),
    problems = [];
  const asked = (parts.get("q") ?? "").trim(),
    view = parts.get("view");
  if (asked.length > LONGEST_QUESTION)
    problems.push(`The question in this address is cut after ${LONGEST_QUESTION} characters.`);
  if (view && !views.includes(view))
    problems.push(`This model has no view "${view.slice(0, 20)}", so its usual one is shown.`);
  if (parts.has("photo")) problems.push(PHOTO);
  const { record, problem } = parts.has("scene") ? decoded(parts.get("scene")) : { record: null };
  if (problem) problems.push(problem);
  return {
    question: asked.slice(0, LONGEST_QUESTION),
    view: views.includes(view) ? view : null,
    record,
    problems,
  };
}

/** A record from its text: {record}, null with a `problem` for text that holds no record that can be drawn. */
function decoded(text) {
  let record;
  try {
    record = JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return { record: null, problem: DAMAGED };
  }
  return isSound(record) ? { record } : { record: null, problem: STRANGE };
}

function isSound(record) {
  const percent = (value) => Number.isFinite(value) && value >= 0 && value <= 100;
  const sound = (t) =>
    t.color in paint.COLORS && t.kind in paint.KINDS && [t.x, t.y, t.width, t.height].every(percent);
  try {
    if (record.type === "scene" && !(record.things.length <= 2 * paint.MAX_THINGS && record.things.every(sound)))
      return false;
    return canvasOf(record).width > 0;
  } catch {
    return false; // it has other fields, or sizes that cannot be painted
  }
}
