// The panels beside the photo: what a learner says about it, one kind of annotation each.
//
// A panel has render(), which fills its element anew, and, if it wants points, markers(), add(x, y),
// move(index, x, y, finished) and remove(index).

import { make, post, showError, stream } from "/picture.js";
import { button, change, field, keepFocus, plural, removal, valuesOf } from "/fields.js";
import { explainPanel, pointsPanel } from "/points.js";
import { talkPanel } from "/talk.js";
import { api } from "/wire.js";

const NAMES = { talk: "Talk", caption: "Caption", points: "Points", count: "Count", ask: "Questions",
  explain: "Explain" };
const CHARACTERS_A_TOKEN = 1.7;  // of nano's tokenizer, in captions of photos

export function taskPanels(app, tabs, host, changed) {
  const panels = { talk: talkPanel(app), caption: captionPanel(app), points: pointsPanel(app), count: countPanel(app),
    ask: askPanel(app), explain: explainPanel(app) };
  const work = make("fieldset", "writes stack", "", { disabled: true });
  host.append(work);
  for (const [name, text] of Object.entries(NAMES)) {
    tabs.append(button(text, () => { show(name); changed(); }, "",
      { id: `tab-${name}`, role: "tab", "aria-controls": host.id }));
  }
  tabs.addEventListener("keydown", (event) => {
    const all = [...tabs.children], step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = all[(all.indexOf(event.target) + step + all.length) % all.length];
    next.click();
    next.focus();
  });

  function show(name) {
    if (name !== app.task) {
      app.flush();
      app.tell("");
    }
    app.task = name;
    for (const tab of tabs.children) {
      const on = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", on);
      tab.tabIndex = on ? 0 : -1;
      if (tab.id === "tab-talk") tab.textContent = panels.talk.active ? "Talk (recording)" : "Talk";
    }
    host.setAttribute("aria-labelledby", `tab-${name}`);
    keepFocus(work, () => work.replaceChildren(...panels[name].render()));
    mark();
  }

  function mark() {
    app.picture.setPoints(panels[app.task].markers?.() ?? []);
  }

  const act = (name) => (...given) => {
    if (app.readonly || !app.photo) return;
    if (!panels[app.task][name]) return app.tell("Points belong to a label: choose Points or Explain.");
    app.tell("");
    panels[app.task][name](...given);
    if (name === "move" && !given[3]) return mark();
    app.closeStep();
    show(app.task);
  };
  Object.assign(app, { redraw: () => show(app.task), mark });
  return { show, has: (name) => name in NAMES, add: act("add"), move: act("move"), remove: act("remove"),
    arrived: (record) => panels.talk.arrived(record), stop: () => panels.talk.stop() };
}

// Caption

function captionPanel(app) {
  return {
    render() {
      const [key, value] = valuesOf(app, "long_caption")[0] ?? ["caption", { style: "long_caption", answer: "" }];
      const counter = make("p", "hint num");
      const count = (text) => { counter.textContent = captionLength(text); };
      const area = field("All that can be seen, in whole sentences", value.answer, (text) => {
        count(text);
        app.put(app.photo.id, key, text ? { style: "long_caption", answer: text } : null, { typing: true });
      }, { tag: "textarea", id: "caption", rows: 9, maxLength: 5000 });
      count(value.answer);
      const spoken = valuesOf(app, "transcript").map(([, { answer }]) => answer).filter(Boolean);
      const parts = [area, counter];
      if (spoken.length && !value.answer) {
        parts.push(button("Begin with what you said", () => {
          app.put(app.photo.id, key, { style: "long_caption", answer: spoken.join(" ") });
          app.redraw();
        }));
      }
      return [...parts, make("p", "hint", "PixMo's captions are transcripts that a text-only model merged and tidied: "
        + "about 196 words. Here you are that model.")];
    },
  };
}

function captionLength(text) {
  const words = text.trim() ? text.trim().split(/\s+/).length : 0;
  const tokens = Math.round(text.length / CHARACTERS_A_TOKEN);
  const long = tokens > 280 ? " A training sequence holds --max_tokens, and what passes it is cut: nano's 320 would "
    + "cut this caption. Train with --max_tokens=1024." : " It fits into nano's max_tokens, 320.";
  return `${plural(words, "word")}, ${text.length} characters, about ${tokens} tokens of nano's vocabulary.${long}`;
}

// Count: a number alone, for what is too many to point at

function countPanel(app) {
  return {
    render() {
      const list = make("ul", "entries");
      list.append(...valuesOf(app, "count").map(([key, value]) => {
        const item = make("li", "entry beside");
        item.append(
          field("What", value.label, (label) => change(app, key, { label }, { typing: true }),
            { id: `what-${key}`, maxLength: 200 }),
          field("How many", value.answer, (text) => change(app, key, { answer: text.trim() }, { typing: true }),
            { id: `many-${key}`, inputMode: "numeric", maxLength: 6, size: 6 }),
          removal(app, key, value.label || "this count"));
        return item;
      }));
      return [list, button("Add a count", () => {
        const key = app.newKey();
        app.put(app.photo.id, key, { style: "count", label: "", answer: "" });
        app.redraw();
        document.getElementById(`what-${key}`).focus();
      }, "", { id: "add-count" }), make("p", "hint", "Labels with points have their number already. "
        + "This is for things that are too many to point at: the answer is the number alone, in digits.")];
    },
  };
}

// Questions: ask, let the model answer, correct it

function askPanel(app) {
  let asking = null, failed = null;

  async function ask(key) {
    failed = null;
    asking = { key, stop: new AbortController(), photo: app.photo.id };
    app.redraw();
    try {
      const photo = await (await fetch(api.photoPath(asking.photo))).blob();
      const { id } = await post("/api/picture", photo);
      const question = app.values.get(asking.photo).get(key).question;
      let text = "";
      await stream("/api/ask", { picture: id, question }, (event) => { if (event.e === "done") text = event.text; },
        asking.stop.signal);
      const answer = text.replace(/<[^<>]*>/g, "").trim();
      const value = app.values.get(asking.photo).get(key);
      // What it said is not the answer yet: a wrong draft would be trained on.
      if (value && !asking.stop.signal.aborted) app.put(asking.photo, key, { ...value, said: answer });
    } catch (error) {
      failed = { key, error };
    }
    asking = null;
    app.redraw();
  }

  return {
    render() {
      const list = make("ul", "entries");
      list.append(...valuesOf(app, "user_qa").map(([key, value]) => {
        const item = make("li", "entry stack"), foot = make("div", "row"), busy = asking?.key === key;
        const answer = field("The right answer", value.answer,
          (text) => change(app, key, { answer: text }, { typing: true }),
          { tag: "textarea", id: `answer-${key}`, rows: 2, maxLength: 5000 });
        foot.append(busy ? button("Stop", () => asking.stop.abort()) : button("Ask the model", () => ask(key),
          "small", { id: `ask-${key}`, disabled: !app.model || !value.question.trim() }),
        removal(app, key, value.question || "this question"));
        const question = field("Question", value.question, (text) => {
          change(app, key, { question: text }, { typing: true });
          const asks = document.getElementById(`ask-${key}`);
          if (asks) asks.disabled = !app.model || !text.trim();
        }, { id: `question-${key}`, maxLength: 500 });
        item.append(question, answer, foot);
        if (!app.model) item.append(make("p", "hint", "No model is loaded here, so write the answer yourself."));
        if (busy) item.append(make("p", "hint", "The model reads the photo ...", { role: "status" }));
        if (value.said) {
          const said = make("div", "row");
          said.append(make("p", "hint", `The model said: "${value.said}"`), button("Take its words", () => {
            app.put(app.photo.id, key, { ...value, answer: value.said });
            app.redraw();
            document.getElementById(`answer-${key}`).focus();
          }, "small", { id: `take-${key}` }));
          item.append(said);
        }
        if (failed?.key === key) { const box = make("div"); showError(box, failed.error); item.append(box); }
        return item;
      }));
      return [list, button("Add a question", () => {
        const key = app.newKey();
        app.put(app.photo.id, key, { style: "user_qa", question: "", answer: "" });
        app.redraw();
        document.getElementById(`question-${key}`).focus();
      }, "", { id: "add-question" }), make("p", "hint", "PixMo's annotators asked, a text-only model drafted an answer, "
        + "and they corrected it until it was right. Nano babbles on photos, so most of its drafts need you.")];
    },
  };
}
