// The table of scores before and after training, in words.

import { make } from "/picture.js";
import { plural } from "/fields.js";

// Kinds of annotation, as minimolmo/metrics.py names them.
const STYLES = {
  pointing: "Points", point_count: "Points, then their number", count: "Count", user_qa: "Questions",
  long_caption: "Caption", point_explanations: "Explanations",
};
const SHARE = (value) => `${(100 * value).toFixed(0)} %`;
const WIDTH = (value) => `${value.toFixed(1)} % of the width`;
const THINGS = (value) => plural(Number(value.toFixed(1)), "thing");
// What each number of metrics.py tells, and in which unit. Of errors, less is better.
const MEASURES = {
  precision: ["Of its points, so many hit", SHARE],
  recall: ["Of the true points, it found", SHARE],
  F1: ["Both together (F1)", SHARE],
  "median error, % of width": ["Typical distance from the true point; less is better", WIDTH],
  "within 3 %": ["Points within 3 % of the width from the true one", SHARE],
  accuracy: ["Right numbers", SHARE],
  "mean absolute error": ["Its number is off by, on average; less is better", THINGS],
  "exact match": ["Answers that are right, word for word", SHARE],
  naming: ["Of these, colours and shapes", SHARE],
  "fact precision": ["Of the facts that it tells, so many are true", SHARE],
  "fact recall": ["Of the true facts, it tells", SHARE],
  "fact F1": ["Both together (F1)", SHARE],
};

// scores: name -> {before, after}, e.g. "pointing: F1" -> {before: 0.25}; photos: how many are held out.
export function scoreTable(scores, photos) {
  const box = make("div", "stack"), table = make("table", "scores"), head = make("tr");
  const titles = [`On your ${plural(photos, "held-out photo")}`, "Before: nano as released", "After: trained on your photos"];
  head.append(...titles.map((text) => make("th", "", text, { scope: "col" })));
  table.append(head);
  let last = "";
  for (const [name, values] of scores) {
    const [style, measure] = name.split(": ");
    if (style !== last) table.append(groupRow(style, scores.get(`${style}: questions`)));
    last = style;
    if (measure !== "questions") table.append(measureRow(measure, values));
  }
  box.append(make("p", "", "The table shows how well nano answers questions about your held-out photos, which it never "
    + "trains on: before, and after training on your other photos."), table);
  return box;
}

function groupRow(style, questions) {
  const number = questions?.before ?? questions?.after, row = make("tr", "group");
  const text = (STYLES[style] ?? style) + (number ? ` (${plural(number, "question")})` : "");
  row.append(make("th", "", text, { scope: "colgroup", colSpan: 3 }));
  return row;
}

function measureRow(measure, { before, after }) {
  const [words, unit] = MEASURES[measure] ?? [measure, (value) => value.toFixed(2)], row = make("tr");
  const text = (value) => value === undefined ? "–" : value === null ? "not measured" : unit(value);
  row.append(make("th", "", words, { scope: "row" }), ...[before, after].map((value) => make("td", "num", text(value))));
  return row;
}
