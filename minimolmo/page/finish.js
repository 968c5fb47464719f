// The last screen: the folder's check, the command, training and its scores. And the first project.

import { make, showError, stream } from "/picture.js";
import { button, plural } from "/fields.js";
import { scoreTable } from "/scores.js";
import { api } from "/wire.js";

const DRAFTS = { pointing: "a label without points", count: "a count", user_qa: "a question without an answer",
  point_explanations: "an explanation without question or braces", long_caption: "a caption" };

const STEPS = [
  ["Cut shapes from coloured paper.", "Circles, squares, triangles and crosses in red, green, blue, yellow, orange "
    + "and purple: the shapes and colours that nano knows from drawings. A dozen is enough."],
  ["Lay some of them on a plain table and take a photo.", "Then move them and take the next one: ten photos, each with "
    + "another arrangement, not too dark."],
  ["Drop the photos here.", "The 2nd, 7th, 12th ... are held out (val): they measure, and are never trained on."],
  ["Points: write \"red circle\" and click it.", "Then the next label. On each photo, say of one or two pairs that are "
    + "not there: There are none."],
  ["Check and train.", "Nano has never seen a photo. The last screen scores it on the held-out ones, before and "
    + "after training on yours."],
];

export function firstProject(host) {
  const list = make("ol", "steps");
  list.append(...STEPS.map(([what, how]) => {
    const item = make("li");
    item.append(make("strong", "", what), make("p", "hint", how));
    return item;
  }));
  host.append(list);
}

export function finishScreen(app, host) {
  const check = make("section", "card stack", "", { "aria-labelledby": "check-title" });
  const train = make("section", "card stack", "", { "aria-labelledby": "train-title", hidden: true });
  host.append(check, train);
  const scores = new Map();  // name -> {before, after}
  let running = null, progress = null, lines = [], failed = null;

  async function runCheck() {
    const title = make("h2", "", "The folder's check", { id: "check-title" });
    check.replaceChildren(title, make("p", "hint", "Reading every row and every photo ..."));
    const { waiting } = app.outbox;
    const body = make("div", "stack", "", { id: "check" });
    if (waiting) body.append(make("p", "note", `${waiting} not saved yet, so not in it: check again later.`));
    body.append(...draftsNote(app));
    try {
      const result = await api.write();
      body.dataset.good = result.good;
      body.append(...result.lines.map((text) => make("p", text.endsWith("all good") ? "mono" : "note", text)));
      if (result.good) body.append(commandBox(result.command), ...advice());
      train.hidden = !result.good;
    } catch (error) {
      const box = make("div");
      showError(box, error);
      body.append(box);
      train.hidden = true;
    }
    check.replaceChildren(title, body, button("Check again", runCheck));
    drawTrain();
  }

  async function run(path) {
    running = new AbortController();
    failed = null;
    lines = [];
    drawTrain();
    try {
      await stream(path, {}, take, running.signal);
    } catch (error) {
      failed = error;
    }
    const stopped = failed?.name === "AbortError";
    if (stopped) lines = ["Stopped. What was trained is saved, and Train goes on from there."];
    running = progress = null;
    drawTrain();
    app.announce(failed ? "Stopped." : "Finished.");
  }

  function take(event) {
    if (event.e === "line") lines = [...lines, event.text].slice(-6);
    if (event.e === "step") progress = event;
    if (event.e === "score") scores.set(event.name, { ...scores.get(event.name), [event.when]: event.value });
    drawTrain();
  }

  function drawTrain() {
    const buttons = make("div", "row");
    if (running) buttons.append(button("Stop", () => running.abort(), "", { id: "stop" }));
    else buttons.append(button("Train", () => run("/api/train"), "primary", { id: "train", disabled: app.readonly }),
      button("Score only", () => run("/api/score"), "", { id: "score", disabled: app.readonly }));
    const parts = [make("h2", "", "Train and score", { id: "train-title" }), buttons];
    if (running) {
      parts.push(progressBox(progress), make("p", "hint", "You can go on annotating. Closing the page stops and saves."));
    }
    if (lines.length) parts.push(make("pre", "mono log", lines.join("\n")));
    const photos = app.photos.filter(({ id, split }) => split === "val" && app.values.get(id).size).length;
    if (scores.size) parts.push(scoreTable(scores, photos));
    const error = make("div");
    showError(error, failed);
    train.replaceChildren(...parts, error,
      make("p", "hint", "With a handful of held-out photos, scores move in large steps."));
  }

  const elsewhere = () => check.replaceChildren(make("p", "note", "Another tab writes: check there."));
  return { show: () => app.readonly ? elsewhere() : runCheck() };
}

// What this browser alone has, because it is not finished. The server does not know of it, and does not count it.
function draftsNote(app) {
  const places = [...app.outbox.drafts].map(([id, value]) => {
    const [photo] = id.split("/"), number = app.photos.findIndex((each) => each.id === photo) + 1;
    const name = value.label || value.question;
    return number && `photo ${number}: ${DRAFTS[value.style] ?? value.style}${name ? `, "${name}"` : ""}`;
  }).filter(Boolean);
  const rest = places.length > 5 ? [`and ${places.length - 5} more`] : [];
  return places.length ? [make("p", "note", `${plural(places.length, "annotation")} not finished, so not in it: `
    + `${[...places.slice(0, 5), ...rest].join("; ")}.`)] : [];
}

function commandBox(command) {
  const box = make("div", "command");
  const copy = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(command);
      copy.textContent = "Copied";
    } catch {  // refused by the browser
      getSelection().selectAllChildren(box.querySelector("code"));
      copy.textContent = "Press Ctrl+C";
    }
  }, "small", { id: "copy" });
  box.append(make("code", "", command, { id: "command" }), copy);
  return box;
}

function advice() {
  return [
    "Half of the pictures in training are yours, half are drawn ones, so that nano does not forget those: --replay=0.5. "
      + "Without drawn pictures (make data) all are yours.",
    "--max_tokens is the longest training sequence, photo included. A caption of PixMo's length has about 750 tokens of "
      + "nano's vocabulary, and what passes is cut: 1024 holds it.",
  ].map((text) => make("p", "hint", text));
}

function progressBox(progress) {
  const box = make("div", "training"), bar = make("progress", "", "", { "aria-label": "Training" });
  if (progress) Object.assign(bar, { max: progress.steps, value: progress.step });
  const loss = progress?.loss === undefined ? "" : `, loss ${progress.loss.toFixed(2)}`;
  box.append(bar, make("p", "hint num", progress ? `step ${progress.step} of ${progress.steps}${loss}` : "Starting ..."));
  return box;
}
