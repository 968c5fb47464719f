/* The kinds of picture that can be drawn and asked about, each with the questions that the model knows. */
import * as paint from "./paint.js";

const rng = new paint.Random(Math.floor(Math.random() * 2 ** 32));
const FIRST_SCENE = {
  type: "scene", style_seed: 20, things: [
    { kind: "circle", color: "red", x: 66.02, y: 35.16, width: 21.09, height: 21.09 },
    { kind: "square", color: "blue", x: 26.17, y: 58.2, width: 19.53, height: 19.53 },
    { kind: "triangle", color: "green", x: 71.48, y: 76.95, width: 22.66, height: 22.66 },
    { kind: "cross", color: "yellow", x: 24.22, y: 19.53, width: 21.09, height: 21.09 },
  ],
};

/** type -> its name, the styles of annotation that the model must know, a hint, and a random record. */
export const KINDS_OF_PICTURE = {
  scene: { name: "Shapes", needs: [], random: () => paint.randomScene(rng),
           hint: "Drag a shape, or click it and then click its new place. The picture is shown as the model gets it: 64 × 64 pixels." },
};

export function firstRecord(type) {
  return type === "scene" ? structuredClone(FIRST_SCENE) : KINDS_OF_PICTURE[type].random();
}

const others = new Map();

/** Another picture of the same kind: always the same one, so that answers can be compared. */
export function otherRecord(record) {
  if (!others.has(record.type)) others.set(record.type, KINDS_OF_PICTURE[record.type].random());
  return others.get(record.type);
}

/** The picture with the thing that is asked for and another one exchanged, or null if that changes nothing. */
export function swappedRecord(record, question) {
  if (record.type !== "scene" || record.things.length < 2) return null;
  const meant = Math.max(0, record.things.findIndex((thing) => isNamed(thing, question)));
  const other = record.things.findIndex((thing, i) => i !== meant && !isNamed(thing, question));
  return other < 0 ? null : paint.swapped(record, meant, other);
}

function isNamed({ color, kind }, question) {
  const words = question.toLowerCase();
  return words.includes(`${color} ${kind}`) || words.includes(`${color} shape`)
    || (words.includes(kind) && !Object.keys(paint.COLORS).some((name) => words.includes(`${name} ${kind}`)));
}

/** Ten questions about a record that the model knows how to answer. */
export function examplesFor(record) {
  if (record.type !== "scene") return KINDS_OF_PICTURE[record.type].questions(record);
  const [a, b = a] = record.things, name = ({ color, kind }) => `${color} ${kind}`;
  const absent = paint.allPairs().find((pair) => !pair.novel && !record.things.some((t) => name(t) === name(pair)));
  const plural = a.kind + (a.kind.endsWith("s") ? "es" : "s");
  return [
    `Point to the ${name(a)}.`, `Point to the ${name(b)}.`, "Point to the shapes.",
    `How many ${plural} can you find?`, "Just a number: how many shapes?", "What does the picture show?",
    `What color is the ${b.kind}?`, `Where is the ${name(b)}?`, `Is the ${name(a)} left of the ${name(b)}?`,
    `Point to the ${name(absent)}.`,
  ];
}
