/* "Teach it": a drawn picture and its true points become a row of your own data, which /mine trains on. */
import * as paint from "./paint.js";
import { post } from "./picture.js";

const KEY = "taught"; // of the entry in the photo's journal

export class Teacher {
  /** enabled: does this server keep own data? */
  constructor(enabled) {
    Object.assign(this, { enabled, taught: 0 });
  }

  /** Add the picture, and an entry with the true points of what the question asks for. */
  async teach(record, question) {
    const { points } = paint.truth(record, question);
    const label = /the (.*?)[.?]?$/.exec(question)[1];
    const { id } = await post("/api/photo", await paint.toPng(paint.paint(record)));
    await post("/api/edit", { photo: id, key: KEY, base: 0, set: { style: "pointing", label, points } });
    this.taught++;
  }

  next() {
    const pictures = this.taught === 1 ? "1 picture is" : `${this.taught} pictures are`;
    const more = 'Teach it a few more, then train: "Make your own PixMo" above.';
    return `${pictures} in your data now, with the right points. ${more}`;
  }
}
