/* The true answers to questions about clocks, charts and tables, as data/clocks and data/docs answer them.

   A question is understood by its words, so that all wordings of the data and most others are. What is not
   understood has no answer: null.
*/
import { COLORS } from "./scene.js";

const NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen " +
                 "fifteen sixteen seventeen eighteen nineteen").split(" ");
const SPOKEN = { quarter: 15, half: 30, twenty: 20, thirty: 30, forty: 40, fifty: 50 };
const HALF_DAY = 720;                       // minutes
const ROUND_MINUTES = [5, 10, 20, 25];      // without the word "minutes"

/** The answer to a question about a clock: { text } and, if it asks for a time, { time }: minutes after twelve,
    or after the full hour if `turn` is 60. Null if the question is not understood. */
export function clockTruth({ hour, minute }, question) {
  const text = question.toLowerCase(), asked = text.match(/\d+:\d\d/);
  const times = (words) => ({ text: words, time: hour % 12 * 60 + minute, turn: HALF_DAY });
  if (asked) return { text: yesOrNo(asked[0] === digital(hour, minute)) };
  if (text.includes("in words")) return times(inWords(hour, minute));
  if (text.includes("in hours and minutes")) {
    return times(`${counted(hour, "hour")} ${counted(minute, "minute")}`);
  }
  if (text.includes("half past")) return minute % 30 === 0 ? null : { text: minute < 30 ? "before" : "after" };
  if (/\bhour\b/.test(text)) return { text: String(hour) };
  if (/\bminutes?\b/.test(text)) return { text: String(minute), time: minute, turn: 60 };
  return /\btime\b|\bclock\b/.test(text) ? times(digital(hour, minute)) : null;
}

/** The time that an answer says, in minutes after twelve, or after the full hour if `turn` is 60; null if it
    says none. As minimolmo/metrics.py reads it: "10:09", "quarter to three", "10 hours 9 minutes". */
export function timeIn(answer, turn) {
  const text = answer.toLowerCase().trim();
  if (turn === 60) return /^\d{1,2}( minutes?)?\.?$/.test(text) ? parseInt(text) % 60 : null;
  const digits = text.match(/\b(\d{1,2}):(\d{2})/)
    ?? text.match(/\b(\d{1,2}) hours?(?: and)? (\d{1,2}) minutes?/);
  if (digits) return timeOf(Number(digits[1]), Number(digits[2]));
  const words = text.match(/\b([a-z]+(?:-[a-z]+)?)(?: minutes?)? (past|to) ([a-z]+)|\b([a-z]+) o'clock/);
  if (!words) return null;
  const minute = words[1] ? numberOf(words[1]) : 0;
  return timeOf(numberOf(words[3] ?? words[4]), words[2] === "to" ? -minute : minute);
}

function timeOf(hour, minute) {
  return hour <= 24 && Math.abs(minute) < 60 ? (hour * 60 + minute + HALF_DAY) % HALF_DAY : null;
}

/** "nine", "quarter", "twenty-five" as a number; NaN for other words. */
function numberOf(word) {
  const value = (part) => SPOKEN[part] ?? (NUMBERS.includes(part) ? NUMBERS.indexOf(part) : NaN);
  return word.split("-").reduce((sum, part) => sum + value(part), 0);
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

/** 0 to 99 in words: "twenty-one". */
export function numberWord(number) {
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
