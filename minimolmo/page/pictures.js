/* The kinds of picture that can be drawn and asked about, each with ten questions that the model knows. */
import * as paint from "./paint.js";

const rng = new paint.Random(Math.floor(Math.random() * 2 ** 32));
const FIRST_SCENE = {
  type: "scene",
  style_seed: 20,
  things: [
    { kind: "circle", color: "red", x: 66.02, y: 35.16, width: 21.09, height: 21.09 },
    { kind: "square", color: "blue", x: 26.17, y: 58.2, width: 19.53, height: 19.53 },
    { kind: "triangle", color: "green", x: 71.48, y: 76.95, width: 22.66, height: 22.66 },
    { kind: "cross", color: "yellow", x: 24.22, y: 19.53, width: 21.09, height: 21.09 },
  ],
};

/** Each type of record: its name, the style of annotation that a model must know, a hint, a random record,
    ten questions, and the record with two things exchanged (null if that would change nothing). `parts`: a hint
    for each part that can be taken hold of. */
export const KINDS_OF_PICTURE = {
  scene: {
    name: "Shapes",
    needs: "pointing",
    random: () => paint.randomScene(rng),
    hint: "Drag a shape, or click it and then its new place.",
    questions: sceneQuestions,
    swapped: swappedScene,
  },
  clock: {
    name: "Clock",
    needs: "clocks",
    random: () => paint.randomClock(rng),
    hint: "Drag the end of a hand (the rings), or click it and then its new place.",
    parts: [
      "The hour hand: drag it round, or click where it should point. The minute hand follows.",
      "The minute hand: drag it round, or click where it should point. The hour hand follows.",
      "The face: dragging it moves the whole clock. To change the time, drag the end of a hand (the rings).",
    ],
    questions: clockQuestions,
    swapped: swappedHands,
  },
  bars: {
    name: "Bars",
    needs: "charts",
    random: () => randomChart("bars"),
    hint: "Drag the end of a bar, or click where it should end: on one of nine lines. The fifth is darker.",
    questions: barQuestions,
    swapped: (record) => ({ ...record, values: exchanged(record.values) }),
  },
  pie: {
    name: "Pie",
    needs: "charts",
    random: () => randomChart("pie"),
    hint: "Drag the end of a slice. Each slice ends at one of ten ticks.",
    questions: pieQuestions,
    swapped: (record) => ({ ...record, colors: exchanged(record.colors) }),
  },
  table: {
    name: "Table",
    needs: "tables",
    random: () => paint.randomTable(rng),
    hint: "Drag a row to another place, or select it and change its colour or its number.",
    questions: tableQuestions,
    swapped: (record) => paint.renumbered(record, 0, record.rows[1].number),
  },
};

export function firstRecord(type) {
  return type === "scene" ? structuredClone(FIRST_SCENE) : KINDS_OF_PICTURE[type].random();
}

/** Questions about a photo, with the words that nano knows. */
export const PHOTO_QUESTIONS = [
  "What does the picture show?",
  "Point to the shapes.",
  "How many shapes can you find?",
  "What color is the shape at the top?",
  "Point to the red shape.",
  "Is there a blue circle?",
];

const others = new Map();

/** Another picture of the same kind: always the same one, so that answers can be compared. */
export function otherRecord(record) {
  if (!others.has(record.type)) others.set(record.type, KINDS_OF_PICTURE[record.type].random());
  return others.get(record.type);
}

/** The hint about a kind of picture, or about the part that is held or pointed at. */
export const hintFor = (type, part) => KINDS_OF_PICTURE[type].parts?.[part] ?? KINDS_OF_PICTURE[type].hint;

export const examplesFor = (record) => KINDS_OF_PICTURE[record.type].questions(record);
export const swappedRecord = (record, question) => KINDS_OF_PICTURE[record.type].swapped(record, question);

function randomChart(type) {
  for (;;) {
    const record = paint.randomChart(rng);
    if (record.type === type) return record;
  }
}

const exchanged = ([a, b, ...rest]) => [b, a, ...rest];

// ---- Shapes --------------------------------------------------------------------------------------

const nameOf = ({ color, kind }) => `${color} ${kind}`;
const pluralOf = (kind) => kind + (kind.endsWith("s") ? "es" : "s");

function sceneQuestions({ things }) {
  const [a, b = a] = things,
    present = things.map(nameOf);
  const absent = paint.allPairs().find((pair) => !pair.novel && !present.includes(nameOf(pair)));
  return [
    `Point to the ${nameOf(a)}.`,
    `Point to the ${nameOf(b)}.`,
    "Point to the shapes.",
    `How many ${pluralOf(a.kind)} can you find?`,
    "Just a number: how many shapes?",
    "What does the picture show?",
    `What color is the ${b.kind}?`,
    `Where is the ${nameOf(b)}?`,
    `Is the ${nameOf(a)} left of the ${nameOf(b)}?`,
    `Point to the ${nameOf(absent)}.`,
  ];
}

/** The thing that is asked for and another one change places. */
function swappedScene(record, question) {
  const named = record.things.map((thing) => isNamed(thing, question)),
    meant = Math.max(0, named.indexOf(true));
  const other = record.things.findIndex((_, i) => i !== meant && !named[i]);
  return other < 0 ? null : paint.swapped(record, meant, other);
}

function isNamed({ color, kind }, question) {
  const words = question.toLowerCase();
  return (
    words.includes(`${color} ${kind}`) ||
    words.includes(`${color} shape`) ||
    (words.includes(kind) && !Object.keys(paint.COLORS).some((name) => words.includes(`${name} ${kind}`)))
  );
}

// ---- Clocks, charts, tables ----------------------------------------------------------------------

const digital = (hour, minute) => `${hour}:${String(minute).padStart(2, "0")}`;

function clockQuestions({ hour, minute }) {
  return [
    "What time is it?",
    "What time is it in words?",
    "What time is it in hours and minutes?",
    "What hour is it?",
    "What minute is it?",
    "Is it before or after half past?",
    `Is it ${digital(hour, minute)}?`,
    `Is it ${digital((hour % 12) + 1, minute)}?`,
    "What does the clock say?",
    "just the minutes",
  ];
}

/** The hour hand where the minute hand was, and the other way round, as nearly as a clock can. */
function swappedHands(record) {
  return { ...record, hour: Math.floor(record.minute / 5) || 12, minute: (record.hour % 12) * 5 };
}

function barQuestions({ direction, colors: [a, b, c] }) {
  const lies = direction === "lying",
    [tall, height] = lies ? ["long", "length"] : ["tall", "height"];
  return [
    `How ${tall} is the ${a} bar?`,
    `How ${tall} is the ${b} bar?`,
    `What is the ${height} of the ${c} bar?`,
    `Which bar is the ${tall}est?`,
    "Which bar is the shortest?",
    `Is ${a} ${tall}er than ${b}?`,
    `Is the ${b} bar ${tall}er than the ${c} bar?`,
    `How much are ${a} and ${b} together?`,
    `What is ${b} plus ${c}?`,
    "How many bars are there?",
  ];
}

function pieQuestions({ colors: [a, b, c] }) {
  return [
    `What percent is ${a}?`,
    `What percent is ${b}?`,
    `How large is ${c} in percent?`,
    "Which slice is the largest?",
    "Which slice is the smallest?",
    `Is ${a} larger than ${b}?`,
    `Is the ${b} slice larger than the ${c} slice?`,
    `What percent are ${a} and ${b} together?`,
    `Are ${a} and ${b} together more than half?`,
    "Name the largest slice.",
  ];
}

function tableQuestions({ rows }) {
  const [a, b] = rows;
  return [
    `What number does ${a.color} have?`,
    `Which number is next to ${b.color}?`,
    `Which color has ${a.number}?`,
    `Which color has the number ${b.number}?`,
    "Which color has the largest number?",
    "What is the smallest number?",
    `Does ${a.color} have more than ${b.color}?`,
    `What is ${a.color} plus ${b.color}?`,
    "How many rows are there?",
    "Name the color with the smallest number.",
  ];
}
