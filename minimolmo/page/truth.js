/* The true answers to questions about clocks, charts and tables, as data/clocks and data/docs answer them.

   A question is understood by its words, so that all wordings of the data and most others are. What is not
   understood has no answer: null.
*/
import { COLORS } from "./scene.js";

const NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen " +
                 "fifteen sixteen seventeen eighteen nineteen").split(" ");
const ROUND_MINUTES = [5, 10, 20, 25];      // without the word "minutes"

/** The answer to a question about a clock: a text. */
export function clockTruth({ hour, minute }, question) {
  const text = question.toLowerCase(), asked = text.match(/\d+:\d\d/);
  if (asked) return yesOrNo(asked[0] === digital(hour, minute));
  if (text.includes("in words")) return inWords(hour, minute);
  if (text.includes("in hours and minutes")) return `${counted(hour, "hour")} ${counted(minute, "minute")}`;
  if (text.includes("half past")) return [0, 30].includes(minute) ? null : minute < 30 ? "before" : "after";
  if (/\bhour\b/.test(text)) return String(hour);
  if (/\bminutes?\b/.test(text)) return String(minute);
  return /\btime\b|\bclock\b/.test(text) ? digital(hour, minute) : null;
}

function yesOrNo(isTrue) {
  return isTrue ? "yes" : "no";
}

function digital(hour, minute) {
  return `${hour}:${String(minute).padStart(2, "0")}`;
}

function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** "past" up to the half hour, then "to": "quarter to three", "nine minutes past ten". */
export function inWords(hour, minute) {
  if (minute === 0) return `${NUMBERS[hour]} o'clock`;
  const away = Math.min(minute, 60 - minute), noun = away === 1 ? " minute" : " minutes";
  const amount = away === 15 ? "quarter" : away === 30 ? "half"
    : numberWord(away) + (ROUND_MINUTES.includes(away) ? "" : noun);
  return minute <= 30 ? `${amount} past ${NUMBERS[hour]}` : `${amount} to ${NUMBERS[hour % 12 + 1]}`;
}

function numberWord(number) {
  if (number < 20) return NUMBERS[number];
  return number === 20 ? "twenty" : `twenty-${NUMBERS[number - 20]}`;
}

/** The answer to a question about a chart or a table: a text. */
export function pageTruth(record, question) {
  if (record.type === "table") {
    return valuesTruth(record.rows.map((row) => [row.color, row.number]), question);
  }
  const isPie = record.type === "pie", values = isPie ? record.tenths : record.values;
  const pairs = record.colors.map((color, i) => [color, values[i] * (isPie ? 10 : 1)]);
  return valuesTruth(pairs, question, isPie ? 50 : 0);
}

/** pairs: [[color, value], ...]; half: the half of a whole. */
function valuesTruth(pairs, question, half = 0) {
  const text = question.toLowerCase(), valueOf = Object.fromEntries(pairs);
  const named = (text.match(/[a-z]+/g) ?? []).filter((word) => word in COLORS);
  if (named.some((color) => !(color in valueOf))) return null;
  const [a, b] = named.map((color) => valueOf[color]);
  if (named.length === 2) return twoTruth(a, b, text, half);
  if (named.length === 1) return String(a);
  if (/\bcount\b|\bhow many\b|\bnumber of\b/.test(text)) return String(pairs.length);
  if (/\d/.test(text)) return pairs.find(([, value]) => value === Number(text.match(/\d+/)[0]))?.[0] ?? null;
  return extremeTruth(pairs, text);
}

function twoTruth(a, b, text, half) {
  if (text.includes("half")) return half && a + b !== half ? yesOrNo(a + b > half) : null;
  if (/\btogether\b|\bplus\b|\badd\b|\bsum\b/.test(text)) return String(a + b);
  return /\b(taller|longer|larger|more)\b/.test(text) && a !== b ? yesOrNo(a > b) : null;
}

/** The colour of the largest or the smallest value, or the value; null if there are two of them. */
function extremeTruth(pairs, text) {
  const isLargest = /tallest|longest|largest/.test(text);
  if (!isLargest && !/shortest|smallest/.test(text)) return null;
  const best = (isLargest ? Math.max : Math.min)(...pairs.map((pair) => pair[1]));
  const found = pairs.filter((pair) => pair[1] === best);
  if (found.length > 1) return null;
  return String(found[0][/\bnumber\b/.test(text) && !/\bcolor\b/.test(text) ? 1 : 0]);
}
