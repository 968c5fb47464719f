/* The panel about one token: the five likeliest, what it attended to and what it needed. */
import { listLikeliest } from "./answer.js";
import { attendedWords, cellBoxes, heatFigure, lookInside, neededWords, numberTable } from "./inside.js";

const $ = (id) => document.getElementById(id);
const NEEDED = 0.4; // nats: a patch that matters less stays dark

/** strip: the tokens. Actions: request() -> the picture and question that were asked;
    force(index, id, text, p);
    later(work), see demo.js; source() -> the picture; redraw() */
export class Inspector {
  constructor(strip, actions) {
    Object.assign(this, { strip, actions, inside: null, hovered: -1, chosen: false });
  }

  /** A new answer begins; boxes: those of its visual tokens. */
  begin(boxes) {
    this.inside = { boxes };
    this.hovered = -1;
    $("inspector").classList.add("stale");
  }

  /** Keep a token in view. `chosen`: by the reader; else the digit that needs the picture most may follow. */
  pick(index, chosen = true) {
    this.chosen = chosen;
    $("inspector").classList.remove("stale");
    this.strip.mark(index);
    this.#show(index);
  }

  /** Show a token while the pointer is on it; -1: back to the one that was picked. */
  preview(index) {
    if (!this.inside) return;
    this.hovered = index;
    if (index >= 0) $("inspector").classList.remove("stale");
    this.#show(index >= 0 ? index : this.strip.picked);
    if (index >= 0) this.load();
    this.actions.redraw();
  }

  /** The heat for the picture on the stage while a token is hovered: {boxes, values}, or null. */
  heat() {
    const values = this.hovered >= 0 && this.inside?.result?.attended[this.hovered];
    return values ? { boxes: this.inside.boxes, values } : null;
  }

  /** Ask once for what is inside the present answer. */
  load() {
    const mine = this.inside;
    if (!mine || mine.asked || !this.strip.tokens.length) return;
    mine.asked = true;
    this.actions.later(async (stale) => {
      const ids = this.strip.tokens.map((token) => token.id);
      mine.result = await lookInside({ ...(await this.actions.request()), ids }, stale);
      if (stale() || !mine.result) return;
      if (!this.chosen) this.pick(this.#neediest(mine.result.needed), false);
      this.#show(this.hovered >= 0 ? this.hovered : this.strip.picked);
      this.actions.redraw();
    });
  }

  /** The digit, or without points the word, whose loss grows most when a patch is covered. */
  #neediest(needed) {
    const tokens = this.strip.tokens,
      pointing = tokens.some((token) => token.axis);
    const needs = tokens.map(({ axis, text }, i) =>
      (pointing ? axis && /\d/.test(text) : text.trim()) && needed[i] ? Math.max(...needed[i]) : 0,
    );
    const most = Math.max(...needs);
    return most > NEEDED ? needs.indexOf(most) : this.strip.picked;
  }

  #show(index) {
    const event = this.strip.tokens[index];
    $("inspector").hidden = !event;
    if (!event) return;
    $("likely-title").textContent = `Token ${index + 1} of ${this.strip.tokens.length}`;
    if (event !== this.listed) // a list that is rebuilt loses the keyboard's focus
      listLikeliest($("likely"), event, (id, text, p) => this.actions.force(index, id, text, p));
    this.listed = event;
    this.#showHeat(index);
  }

  #showHeat(index) {
    const { result, boxes } = this.inside,
      attended = result?.attended[index],
      needed = result?.needed[index];
    if (!attended || !needed) {
      for (const id of ["attended", "needed"]) {
        $(id).getContext("2d").clearRect(0, 0, $(id).width, $(id).height);
        $(`${id}-text`).textContent = "…";
      }
      return;
    }
    const source = this.actions.source(),
      side = Math.sqrt(boxes.length);
    const share = (value) => String(Math.round(100 * value)),
      nats = (value) => value.toFixed(value < 10 ? 1 : 0);
    heatFigure($("attended"), source, boxes, attended, share);
    heatFigure($("needed"), source, cellBoxes(result.side), needed, nats, NEEDED);
    $("attended-text").textContent = attendedWords(attended, boxes);
    $("needed-text").textContent = neededWords(needed, result.side);
    for (const id of ["attended", "needed"]) $(id).setAttribute("aria-label", $(`${id}-text`).textContent);
    numberTable($("attended-numbers"), attended, Number.isInteger(side) ? side : 8, share);
    numberTable($("needed-numbers"), needed, result.side, share);
  }
}
