// What the page says about what is not saved: one line, and a box for each record that waits for the learner.

import { make, showError } from "/picture.js";
import { button, plural } from "/fields.js";
import { problem } from "/wire.js";

// The line on top. "saved" is said only if no field, no record in memory and none in the database waits.
export function saveState(outbox) {
  const { records, waiting, offline, drafts, keptNowhere } = outbox;
  const stuck = records.filter(isStuck).length;
  if (keptNowhere && waiting) {
    return { state: "waiting", text: `Saving ${waiting}. This browser keeps nothing: do not close the page yet.` };
  }
  if (offline) {
    const { given = "", attempt = "" } = offline;
    return { state: "offline", text: `${waiting} waiting, kept in this browser. ${given} ${attempt}` };
  }
  if (stuck) return { state: "refused", text: `${stuck} not saved: see below.` };
  if (waiting) return { state: "waiting", text: `Saving ${waiting} ...` };
  const unfinished = drafts.size ? ` ${drafts.size} unfinished, in this browser only.` : "";
  return { state: "saved", text: `Saved.${unfinished}` };
}

const isStuck = (record) => record.refused || record.conflict;

// acts: drop(record), settle(record, mine)
export function showStuck(host, { records }, acts) {
  const stuck = records.filter(isStuck), shown = [...host.querySelectorAll("[data-record]")];
  for (const box of shown) if (!stuck.some((record) => String(record.id) === box.dataset.record)) box.remove();
  for (const record of stuck) {
    if (shown.some((box) => box.dataset.record === String(record.id))) continue;
    host.append(record.conflict ? conflictBox(record, records, acts) : refusedBox(record, acts));
  }
}

function refusedBox(record, { drop }) {
  const box = make("div", "", "", { "data-record": record.id });
  showError(box, problem(record.refused.given, record.refused.why, record.refused.try));
  if (record.name) box.prepend(make("p", "given", record.name));
  box.append(button("Remove it from here", () => drop(record)));
  return box;
}

function conflictBox(record, records, { settle }) {
  const box = make("section", "note stack conflict", "", { "data-record": record.id, role: "alert" });
  box.append(make("h2", "", "Two versions of one annotation"),
    make("p", "", "It was changed elsewhere after you had opened it here. Which one shall be kept?"));
  const mine = records.findLast((other) => other.photo === record.photo && other.key === record.key).set;
  for (const [name, set, keep] of [["Yours", mine, true], ["The other", record.conflict.set, false]]) {
    const version = make("div", "version");
    version.append(make("h3", "", name), make("p", "", inWords(set)),
      button(keep ? "Keep yours" : "Keep the other", () => settle(record, keep)));
    box.append(version);
  }
  return box;
}

function inWords(set) {
  if (!set) return "Removed.";
  const parts = [set.label && `"${set.label}"`, set.question, set.answer];
  const number = set.points?.length;
  if (number !== undefined) parts.push(number ? `${plural(number, "point")}: ${JSON.stringify(set.points)}` : "none");
  return parts.filter(Boolean).join(" · ");
}
