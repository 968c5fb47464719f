/* Tables of level easy: rows of a coloured symbol and a number. Paints as data/docs/easy_tables.py.

   A record is what Python's Table holds: { type: "table", style_seed, rows: [{ color, kind, number }, ...],
   layout: { look, head, numbers_first, row_height, symbol_column, number_column, symbol_size, text_size,
   left, top } }, lengths in pixels of the picture.
*/
import { SIDE, SUPERSAMPLE } from "./canvas.js";
import { FAINT, INK, WHITE, makePaper } from "./charts.js";
import { writeNumber } from "./digits.js";
import { Random } from "./random.js";
import { COLORS, randomJitter, shade } from "./scene.js";

const KINDS = ["square", "circle", "triangle"], LOOKS = ["rules", "frame", "zebra"];
const HEADS = ["none", "dark", "light"], HEAD_HEIGHT = 6;
const RULE = [150, 154, 162], STRIPE = [226, 232, 242];
const LIGHT_HEAD = [198, 206, 220], HEAD_MARK = [176, 182, 194];
const NUM_ROWS = [2, 4], MAX_NUMBER = 99, HELD_OUT_EVERY = 12;
const SHORT_SHARE = 0.5, ONE_DIGIT_SHARE = 0.3;      // tables of one digit; such numbers in the others
const ROW_HEIGHT = [13, 18], SYMBOL_COLUMN = [15, 24], NUMBER_COLUMN = [21, 28], SYMBOL_SIZE = [8, 11];
const TEXT_SIZES = [13, 14, 15], ROW_SPACE = 4;

/** The picture of a table: 64 x 64 x 3 bytes. */
export function table(record) {
  const rng = new Random(record.style_seed), canvas = makePaper(rng);
  paintRuling(canvas, record.layout, record.rows.length);
  record.rows.forEach((row, i) => {
    const { symbol, number, y } = middles(record.layout, i);
    paintSymbol(canvas, row.kind, symbol, y, record.layout.symbol_size, shade(row.color, randomJitter(rng)));
    writeNumber(canvas, row.number, number, y, record.layout.text_size, INK);
  });
  return canvas.reduced();
}

function headHeight(layout) {
  return layout.head === "none" ? 0 : HEAD_HEIGHT;
}

function rowTop(layout, i) {
  return layout.top + headHeight(layout) + i * layout.row_height;
}

function columnLine(layout) {
  return layout.left + (layout.numbers_first ? layout.number_column : layout.symbol_column);
}

/** x of a row's symbol and of its number, and y of both. A row begins with a line, so its middle is lower. */
function middles(layout, i) {
  const right = layout.left + layout.symbol_column + layout.number_column, line = columnLine(layout);
  const first = (layout.left + line) / 2, second = (line + right) / 2;
  const y = rowTop(layout, i) + layout.row_height / 2 + 0.5;
  return layout.numbers_first ? { symbol: second, number: first, y } : { symbol: first, number: second, y };
}

function paintRuling(canvas, layout, numRows) {
  const { left, top, look } = layout, right = left + layout.symbol_column + layout.number_column;
  const tops = Array.from({ length: numRows + 1 }, (_, i) => rowTop(layout, i)), bottom = tops.at(-1);
  const line = look === "frame" ? RULE : FAINT, column = columnLine(layout);
  canvas.box([left, top, right, bottom], WHITE);
  if (look === "zebra") {
    for (let i = 0; i < numRows; i += 2) canvas.box([left, tops[i], right, tops[i + 1]], STRIPE);
  }
  paintHead(canvas, layout, right);
  for (const y of tops.slice(1, -1)) canvas.box([left, y, right, y + 1], line);
  if (look === "frame") paintFrame(canvas, left, top, right, bottom, line);
  if (look !== "zebra") canvas.box([column, tops[0], column + 1, bottom], line);
  if (look === "rules") canvas.box([left, bottom - 1, right, bottom], RULE);
}

function paintHead(canvas, layout, right) {
  if (layout.head === "none") return;
  const { left, top } = layout, line = columnLine(layout), isDark = layout.head === "dark";
  canvas.box([left, top, right, top + HEAD_HEIGHT], isDark ? INK : LIGHT_HEAD);
  for (const x of [(left + line) / 2, (line + right) / 2]) {
    const y = top + HEAD_HEIGHT / 2;
    canvas.box([x - 4, y - 0.5, x + 4, y + 0.5], isDark ? HEAD_MARK : WHITE);
  }
}

function paintFrame(canvas, left, top, right, bottom, color) {
  canvas.box([left, top, right, top + 1], color);
  canvas.box([left, bottom - 1, right, bottom], color);
  canvas.box([left, top, left + 1, bottom], color);
  canvas.box([right - 1, top, right, bottom], color);
}

function paintSymbol(canvas, kind, x, y, size, color) {
  const sides = [x - size / 2, y - size / 2, x + size / 2, y + size / 2];
  const [left, top, right, bottom] = sides.map((side) => Math.round(side * SUPERSAMPLE));
  if (kind === "square") canvas.box(sides, color);
  else if (kind === "circle") canvas.ellipse(left, top, right - 1, bottom - 1, color);
  else canvas.polygon([[(left + right - 1) / 2, top], [right - 1, bottom - 1], [left, bottom - 1]], color);
}

/** A random table. `novel`: it shows at least one pair of colour and number never drawn in training. */
export function randomTable(rng, novel = false) {
  const numRows = rng.integer(...NUM_ROWS);
  for (;;) {
    const rows = randomRows(numRows, rng);
    const record = { type: "table", style_seed: rng.word(), rows, layout: randomLayout(numRows, rng) };
    if (tableNovelParts(record).length > 0 === novel) return record;
  }
}

function randomRows(numRows, rng) {
  const kinds = rng.choice([KINDS, [rng.choice(KINDS)]]);
  const numbers = (rng.fraction() < SHORT_SHARE ? shortNumbers : mixedNumbers)(numRows, rng);
  return rng.sample(Object.keys(COLORS), numRows).map((color, i) => (
    { color, kind: rng.choice(kinds), number: numbers[i] }));
}

/** Numbers of one digit from a random range, so that the smallest one is not mostly 1. */
function shortNumbers(numRows, rng) {
  const span = rng.integer(numRows, 9), first = rng.integer(1, 10 - span);
  return rng.sample(Array.from({ length: span }, (_, i) => first + i), numRows);
}

function mixedNumbers(numRows, rng) {
  const numbers = new Set();
  while (numbers.size < numRows) {
    numbers.add(rng.fraction() < ONE_DIGIT_SHARE ? rng.integer(1, 9) : rng.integer(10, MAX_NUMBER));
  }
  return [...numbers];
}

function randomLayout(numRows, rng) {
  const head = rng.choice(HEADS), head_height = head === "none" ? 0 : HEAD_HEIGHT;
  const most = Math.floor((SIDE - 2 - head_height) / numRows);
  const row_height = rng.integer(ROW_HEIGHT[0], Math.min(ROW_HEIGHT[1], most));
  const symbol_column = rng.integer(...SYMBOL_COLUMN), number_column = rng.integer(...NUMBER_COLUMN);
  return {
    look: rng.choice(LOOKS), head, numbers_first: rng.fraction() < 0.5,
    row_height, symbol_column, number_column,
    symbol_size: rng.integer(SYMBOL_SIZE[0], Math.min(SYMBOL_SIZE[1], row_height - ROW_SPACE)),
    text_size: rng.choice(TEXT_SIZES.filter((size) => 0.7 * size + ROW_SPACE - 0.5 < row_height)),
    left: rng.integer(1, SIDE - 1 - symbol_column - number_column),
    top: rng.integer(1, SIDE - 1 - head_height - numRows * row_height),
  };
}

/** The numbers of the rows whose pair of colour and number was never drawn in training. */
export function tableNovelParts({ rows }) {
  const colors = Object.keys(COLORS);
  return [...rows.keys()].filter((i) => (
    (5 * rows[i].number + colors.indexOf(rows[i].color)) % HELD_OUT_EVERY === 0));
}

/** The number of the row at a place (percent), or -1. */
export function tableThingAt({ rows, layout }, x, y) {
  const across = x / 100 * SIDE - layout.left, down = y / 100 * SIDE - rowTop(layout, 0);
  const isOn = across >= 0 && across < layout.symbol_column + layout.number_column && down >= 0;
  const row = Math.floor(down / layout.row_height);
  return isOn && row < rows.length ? row : -1;
}

/** The table with its i-th row exchanged with the row at a place (percent); rows keep their numbers. */
export function tableMoved(record, i, x, y) {
  const j = tableThingAt(record, x, y);
  if (j < 0 || i < 0) return record;
  return { ...record, rows: record.rows.with(i, record.rows[j]).with(j, record.rows[i]) };
}

/** The table with another number in a row, 1 to 99. A number that is there already is exchanged. */
export function renumbered(record, i, number) {
  const wanted = Math.min(MAX_NUMBER, Math.max(1, Math.round(number))), old = record.rows[i].number;
  const rows = record.rows.map((row, j) => j === i ? { ...row, number: wanted }
    : row.number === wanted ? { ...row, number: old } : row);
  return { ...record, rows };
}

/** The table with another colour in a row. A colour that is there already is exchanged. */
export function tableRecoloured(record, i, color) {
  const old = record.rows[i].color;
  const rows = record.rows.map((row, j) => j === i ? { ...row, color }
    : row.color === color ? { ...row, color: old } : row);
  return { ...record, rows };
}

/** The table without its i-th row; two rows are the fewest. */
export function tableRemoved(record, i) {
  return record.rows.length <= NUM_ROWS[0] ? record : { ...record, rows: record.rows.toSpliced(i, 1) };
}
