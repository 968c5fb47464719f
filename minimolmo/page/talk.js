// Talk: PixMo's annotators spoke about a picture for 60 to 90 seconds. Each second is handed to the outbox as it is
// recorded, so a closed tab loses at most the last one. Speech becomes text by typing, or by the browser if asked.

import { make, showError } from "/picture.js";
import { button, field, plural } from "/fields.js";
import { api, problem } from "/wire.js";

const PROMPTS = [  // what was on an annotator's screen, in our words
  "What is it, at first glance?",
  "Which things are there, and how many of each?",
  "What does the text say, if there is any?",
  "Where is each thing: left, right, above, behind?",
  "Which small details does one notice only later?",
  "What is in the background?",
  "What are the style and the colours?",
];
const ENOUGH = 60, USUAL = 90, LONGEST = 300;  // seconds
const BITS = 32_000;                           // of speech, a second
const SLOW = 0.75;                             // speed of the replay, to type along
const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const Recognition = window.SpeechRecognition ?? window.webkitSpeechRecognition;

export function talkPanel(app) {
  let recording = null;  // {photo, take, recorder, seconds, ...}
  let failed = null;
  let listens = false;   // the browser writes along

  async function begin() {
    failed = null;
    try {
      const stream = await microphone();
      const take = 1 + Math.max(0, ...app.photo.takes.map((each) => each.take));
      recording = { photo: app.photo, take, stream, n: 0, started: Date.now() };
      app.photo.takes.push({ take, next: 0 });
      record(recording);
      if (listens) listen(recording);
    } catch (error) {
      failed = error;
    }
    app.redraw();
  }

  function record(now) {
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    now.recorder = new MediaRecorder(now.stream, { mimeType, audioBitsPerSecond: BITS });
    now.recorder.ondataavailable = ({ data }) => {
      if (!data.size) return;
      app.outbox.keep({ kind: "chunk", photo: now.photo.id, take: now.take, n: now.n++, blob: data });
      if (now.n >= LONGEST) stop();
    };
    now.recorder.onstop = () => now.stream.getTracks().forEach((track) => track.stop());
    now.recorder.start(1000);
    now.clock = setInterval(() => showTime(now), 250);
  }

  function stop() {
    if (!recording) return;
    clearInterval(recording.clock);
    if (recording.recorder.state !== "inactive") recording.recorder.stop();
    recording.listener?.stop();
    recording = null;
    app.redraw();
  }

  function showTime(now) {
    const seconds = Math.floor((Date.now() - now.started) / 1000);
    const bar = document.getElementById("talk-bar"), text = document.getElementById("talk-time");
    if (bar) bar.value = Math.min(seconds, USUAL);
    if (text) text.textContent = timeText(seconds);
    if (seconds === ENOUGH && now.told !== ENOUGH) app.announce(`${ENOUGH} seconds: that is enough.`);
    if (seconds >= ENOUGH) now.told = ENOUGH;
  }

  // The browser's own recognition. What it hears is added to the text of this take.
  function listen(now) {
    const key = `take${now.take}`;
    now.listener = Object.assign(new Recognition(), { continuous: true, lang: navigator.language });
    now.listener.onresult = (event) => {
      const final = [...event.results].slice(event.resultIndex).filter((each) => each.isFinal);
      const heard = final.map(([best]) => best.transcript.trim());
      const answer = [app.values.get(now.photo.id).get(key)?.answer, ...heard].filter(Boolean).join(" ").slice(0, 5000);
      app.put(now.photo.id, key, { style: "transcript", answer }, { typing: true });
      app.redraw();
    };
    now.listener.onerror = ({ error }) => {
      failed = problem("The browser's speech recognition stopped.", `It says "${error}".`,
        "Type what you say: the recording goes on.");
      app.redraw();
    };
    now.listener.start();
  }

  function recorder() {
    const box = make("div", "talk-recorder"), [text, act] = recording ? ["Stop", stop] : ["Record", begin];
    const seconds = recording ? Math.floor((Date.now() - recording.started) / 1000) : 0;
    const bar = make("progress", "", "", { id: "talk-bar", max: USUAL, "aria-label": "Seconds recorded" });
    bar.value = Math.min(seconds, USUAL);
    box.append(button(text, act, "primary", { id: "talk" }), bar,
      make("p", "hint num", timeText(seconds), { id: "talk-time" }));
    return box;
  }

  function recognition() {
    if (!Recognition) {
      return make("p", "hint", "This browser does not recognise speech: replay at 0.75x, and type along.");
    }
    const label = make("label"), box = make("input", "", "", { type: "checkbox", id: "listens" });
    Object.assign(box, { checked: listens, disabled: Boolean(recording) });
    box.addEventListener("change", () => { listens = box.checked; });
    label.append(box, make("span", "", "Let the browser write along. It may send your voice to the browser's maker."));
    return label;
  }

  function takeItem({ take, next }) {
    const item = make("li", "entry stack"), head = make("div", "row");
    const live = recording?.take === take && recording.photo.id === app.photo.id;
    head.append(make("h3", "", `Take ${take}`),
      make("span", "hint num", `${plural(next, "second")} saved`, { id: `take-${take}-saved` }));
    item.append(head);
    if (!live && next) item.append(player(take));
    item.append(transcript(`take${take}`, live ? "What you say" : "What you said"));
    return item;
  }

  function player(take) {
    const box = make("div", "row"), src = api.takePath(app.photo.id, take);
    const audio = make("audio", "", "", { controls: true, preload: "none", src });
    const play = (rate) => () => {
      audio.playbackRate = audio.defaultPlaybackRate = rate;
      audio.play().catch((error) => app.announce(error.message));
    };
    box.append(audio, button(`Replay at ${SLOW}x`, play(SLOW)), button("at 1x", play(1)));
    return box;
  }

  function transcript(key, name) {
    const answer = app.values.get(app.photo.id).get(key)?.answer ?? "";
    const write = (text) => text ? { style: "transcript", answer: text } : null;
    return field(name, answer, (text) => app.put(app.photo.id, key, write(text), { typing: true }),
      { tag: "textarea", id: `text-${key}`, rows: 4, maxLength: 5000 });
  }

  return {
    stop,
    get active() { return Boolean(recording); },
    arrived({ photo, take }) {
      const saved = app.photo?.id === photo && document.getElementById(`take-${take}-saved`);
      const { next } = app.photo.takes.find((each) => each.take === take) ?? {};
      if (saved) saved.textContent = `${plural(next, "second")} saved`;
    },
    render() {
      const prompts = make("ol", "prompts");
      prompts.append(...PROMPTS.map((text) => make("li", "", text)));
      const list = make("ul", "entries"), error = make("div");
      list.append(...app.photo.takes.map(takeItem));
      if (!app.photo.takes.length) {
        const item = make("li", "entry");
        item.append(transcript("typed", "No microphone? Write as you would speak"));
        list.append(item);
      }
      showError(error, failed);
      return [make("p", "", "Look, and say all of this aloud:"), prompts, recorder(), recognition(), error, list,
        make("p", "hint", "People who speak say more than people who type, and sooner. The recording stays in your folder "
          + "and is never trained on; the text is, as a transcript.")];
    },
  };
}

const timeText = (seconds) => seconds >= ENOUGH ? `${seconds} s: enough, up to ${USUAL} are usual`
  : `${seconds} s of ${ENOUGH} to ${USUAL}`;

async function microphone() {
  if (!window.MediaRecorder || !navigator.mediaDevices) {
    throw problem("This browser cannot record.", "It has no MediaRecorder.", "Type what you would say.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    const refused = error.name === "NotAllowedError";
    throw problem(refused ? "The microphone was refused." : "There is no microphone.",
      refused ? "The browser was told not to record this page." : `The browser says: ${error.message}`,
      refused ? "Allow it in the address bar, or type what you would say." : "Plug one in, or type what you would say.");
  }
}
