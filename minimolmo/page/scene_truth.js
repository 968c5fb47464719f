/* The true answers to questions about scenes, as data/points, count, cap_qa and ask_model_anything give them.

   A question is understood if all its words are known: the things that it names, a place or a relation, and
   the words around them. "Point to the largest circle" has a word too many, so it has no answer: null.
*/
import { COLORS, KINDS } from "./scene.js";

const NEAR_LINE = 3;     // percent from a line of the grid, within which the places on both sides are right
const MIN_OFFSET = 8;    // percent between two centres, at least, for "left of" and the like
const DIRECTIONS = { left: [-1, 0], right: [1, 0], above: [0, -1], below: [0, 1] };
const PLACES = ["top left", "top", "top right", "left", "center", "right",
                "bottom left", "bottom", "bottom right"];
const NOUNS = { shape: "", shapes: "", thing: "", things: "" };      // a noun: the kind, "" for any
for (const kind of Object.keys(KINDS)) NOUNS[kind] = NOUNS[kind + (kind.endsWith("s") ? "es" : "s")] = kind;

const oneOf = (words) => words.toSorted((a, b) => b.length - a.length).join("|");
const COLOR = oneOf(Object.keys(COLORS));
const ASKS_KIND = /\b(?:what|which|the|what kind of) (?:shape|form)(?= (?:is|does|of|that)\b)/g;
const RELATION = /\b(?:to the )?(left|right) of\b|\b(above|below)\b/g;
const PLACE = new RegExp(`\\b(${oneOf(PLACES)}|centre|middle)\\b`, "g");
const NAME = new RegExp(`\\b(?:(${COLOR}) )?(${oneOf(Object.keys(NOUNS))})\\b|\\b(${COLOR})\\b`, "g");
const COUNTS = /\bhow many\b|\bcount\b|\bnumber\b|\btotal\b|\badd up\b/;
const POINTS = /\b(point|mark|where|dot|tap|spots|location|part|place)\b|^(show|find)\b/;
const PRESENCE = new RegExp([
  "\\b(is|are) there\\b", "\\b(do|can|could) (you|i) (see|find)\\b", "^does the (picture|image) (show|have)\\b",
  "^is an? .* in the (picture|image)$", "^any\\b"].join("|"));
const ASIDES = new RegExp(`\\b(${[      // what changes nothing
  "just a number", "number only", "only(?= the total)", "a plain number( please)?",
  "(do not|without) point(ing|s)?", "(no|skip the|with) points", "or say .*", "in a word", "yes or no",
].join("|")})\\b`, "g");
const KNOWN = new Set((
  "a add all an and any are at be can color colour could count do does dot drawn each find for form give have " +
  "here how i image in is it its location many mark me name number numbers of off on out part picture place " +
  "please point put say see seen show spots tap tell that the there this to total up what where which with you"
).split(" "));

/** The truth about a question: { points: [[x, y], ...] } of the things that it names and, if it asks for their
    number, { count }; or { texts }, the right answers in words, the best first. Null if it is not understood. */
export function sceneTruth({ things }, question) {
  const asked = parsed(question);
  if (!asked) return null;
  const { text, names, places, relations, asksKind } = asked;
  if (COUNTS.test(text)) return places.length || relations.length ? null : counted(things, names);
  if (relations.length) return relationTruth(things, asked);
  if (/\bcolou?r\b/.test(text)) return attributeTruth(things, "color", asked);
  if (asksKind) return attributeTruth(things, "kind", asked);
  if (places.length) return thingTruth(things, asked);
  return names.length === 1 ? namedTruth(text, matching(things, names[0])) : null;
}

/** What a question names, in the order of its words; null if one of its words is not known. */
function parsed(question) {
  const names = [], places = [], relations = [];
  let asksKind = false;
  const text = question.toLowerCase().replace(/[^a-z0-9]+/g, " ").trim().replace(ASIDES, " ").trim();
  const rest = text
    .replace(ASKS_KIND, () => { asksKind = true; return " "; })
    .replace(RELATION, (_, side, height) => { relations.push(side ?? height); return " "; })
    .replace(PLACE, (_, place) => { places.push(PLACES.includes(place) ? place : "center"); return " "; })
    .replace(NAME, (_, color, noun, bare) => {
      names.push({ color: color ?? bare ?? "", kind: NOUNS[noun] ?? "" });
      return " ";
    });
  const isKnown = rest.split(" ").every((word) => !word || KNOWN.has(word));
  return isKnown ? { text, names, places, relations, asksKind } : null;
}

function matching(things, { color, kind }) {
  return things.filter((thing) => (!color || thing.color === color) && (!kind || thing.kind === kind));
}

/** "How many circles can you find?" */
function counted(things, [name, ...more]) {
  if (!name || more.length) return null;
  const meant = matching(things, name);
  return { points: meant.map(({ x, y }) => [x, y]), count: meant.length };
}

/** "Point to the circles." "Where is the circle?" "Is there a circle?" */
function namedTruth(text, meant) {
  const points = meant.map(({ x, y }) => [x, y]);
  if (POINTS.test(text)) return meant.length === 1 ? { points, texts: placesOf(meant[0]) } : { points };
  return PRESENCE.test(text) ? { texts: [yesOrNo(meant.length > 0)] } : null;
}

/** "Is the circle left of the square?" "What is left of the square?" */
function relationTruth(things, { names, places, relations, asksKind }) {
  const named = names.filter(({ color, kind }) => color || kind);      // not the thing in "Which thing is"
  const found = named.map((name) => matching(things, name));
  const isOther = places.length > 0 || relations.length > 1 || asksKind || ![1, 2].includes(found.length);
  if (isOther || found.some((each) => each.length !== 1)) return null;
  const thing = found[0][0], anchor = found.at(-1)[0];
  const [u, v] = DIRECTIONS[relations[0]], offset = ({ x, y }) => u * (x - anchor.x) + v * (y - anchor.y);
  if (found.length === 2) {
    return Math.abs(offset(thing)) > MIN_OFFSET ? { texts: [yesOrNo(offset(thing) > 0)] } : null;
  }
  const beside = things.filter((each) => each !== anchor && offset(each) > -MIN_OFFSET);
  return beside.length === 1 && offset(beside[0]) > MIN_OFFSET ? { texts: [nameOf(beside[0])] } : null;
}

/** "What color is the circle?" "What shape is at the top?" Of the only thing that is meant. */
function attributeTruth(things, attribute, { names, places }) {
  if (names.length > 1 || places.length > 1 || names.length + places.length === 0) return null;
  const meant = names.length ? matching(things, names[0]) : things;
  const found = places.length ? onlyAt(meant, places[0]) : meant;
  return found.length === 1 ? { texts: [found[0][attribute]] } : null;
}

/** "What is at the top left?" */
function thingTruth(things, { text, names, places }) {
  const asks = /\bwhat\b|\bwhich\b|^name\b/.test(text) && names.every(({ color, kind }) => !color && !kind);
  const found = asks && places.length === 1 ? onlyAt(things, places[0]) : [];
  return found.length === 1 ? { texts: [nameOf(found[0])] } : null;
}

/** The things at a place; none if the only one is close to the border of its cell. */
function onlyAt(things, place) {
  const found = things.filter((thing) => placesOf(thing).includes(place));
  return found.length === 1 && placesOf(found[0]).length > 1 ? [] : found;
}

function nameOf({ color, kind }) {
  return `${color} ${kind}`;
}

function yesOrNo(isTrue) {
  return isTrue ? "yes" : "no";
}

/** The names of a thing's place on a grid of 3 x 3 cells; close to a line, also those of its neighbours. */
function placesOf({ x, y }) {
  const cell = (value) => Math.min(2, Math.max(0, Math.floor(value * 3 / 100)));
  const near = (value) => [...new Set([0, -NEAR_LINE, NEAR_LINE].map((shift) => cell(value + shift)))];
  return near(y).flatMap((row) => near(x).map((column) => PLACES[3 * row + column]));
}
