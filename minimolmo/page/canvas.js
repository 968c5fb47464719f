/* A canvas of 64 x 64 pixels that is drawn as Pillow draws: four times as large, then averaged.

   A browser's own canvas smooths edges in another way, and each browser in its own. So the pixels are found
   by numbers here, by the rules of Pillow's Draw.c: which pixels of the large canvas a shape covers.
   Coordinates are pixels of the large canvas, except those of `box`. A colour is [red, green, blue], 0-255.
*/
export const SIDE = 64;              // pixels along the picture
export const SUPERSAMPLE = 4;
export const LARGE = SIDE * SUPERSAMPLE;
const MOST = 10 * LARGE;             // pixels along an ellipse: an address may hold any record

/** Python's rounding: a half goes to the even neighbour. */
export function round(value) {
  const whole = Math.round(value);
  return whole - value === 0.5 && whole % 2 ? whole - 1 : whole;
}

export class Canvas {
  constructor() {
    this.pixels = new Uint32Array(LARGE * LARGE);    // red + 256 green + 65536 blue
  }

  /** Fill the row y from the pixel x0 to the pixel x1. */
  row(x0, x1, y, color) {
    if (y < 0 || y >= LARGE || x1 < 0 || x0 >= LARGE || x1 < x0) return;
    this.pixels.fill(packed(color), y * LARGE + Math.max(x0, 0), y * LARGE + Math.min(x1 + 1, LARGE));
  }

  /** Both corners are filled, too. */
  rectangle(left, top, right, bottom, color) {
    const last = Math.min(bottom, LARGE - 1);
    for (let y = Math.max(top, 0); y <= last; y++) this.row(left, right, y, color);
  }

  /** A rectangle in pixels of the picture: left, top, right, bottom. */
  box(sides, color) {
    const [left, top, right, bottom] = sides.map((side) => round(side * SUPERSAMPLE));
    this.rectangle(left, top, right - 1, bottom - 1, color);
  }

  /** A filled polygon with corners [[x, y], ...]; fractions are cut off, as in Pillow. */
  polygon(corners, color) {
    const whole = corners.map((corner) => corner.map(Math.trunc));
    const edges = whole.map((corner, i) => makeEdge(corner, whole[(i + 1) % whole.length]));
    const ys = whole.map((corner) => corner[1]), bottom = Math.min(Math.max(...ys), LARGE);
    const sloped = edges.filter((edge) => edge.top < edge.bottom);
    for (const edge of edges) if (edge.top === edge.bottom) this.row(edge.left, edge.right, edge.top, color);
    for (let y = Math.max(Math.min(...ys), 0); y <= bottom; y++) {
      for (const [x0, x1] of spans(crossings(sloped, y, bottom))) this.row(x0, x1, y, color);
    }
  }

  /** A filled ellipse in a box; fractions are cut off, as in Pillow. RangeError if it would take too long. */
  ellipse(left, top, right, bottom, color) {
    if (!(right - left <= MOST && bottom - top <= MOST)) {
      throw new RangeError(`An ellipse of ${right - left} pixels is far larger than the picture. Try less.`);
    }
    for (const [x0, x1, y] of ellipseRows(...[left, top, right, bottom].map(Math.trunc))) {
      this.row(x0, x1, y, color);
    }
  }

  /** A slice of an ellipse, from `start` to `end` in degrees clockwise from the right, less than a turn. */
  slice(left, top, right, bottom, start, end, color) {
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const after = ahead(start), before = ahead(end);
    for (const [x0, x1, row] of ellipseRows(left, top, right, bottom)) {
      for (let column = x0; column <= x1; column++) {
        const isAfter = after(column - x, row - y) >= 0, isBefore = before(column - x, row - y) <= 0;
        const isIn = end - start <= 180 ? isAfter && isBefore : isAfter || isBefore;
        if (isIn) this.row(column, column, row, color);
      }
    }
  }

  /** A straight line, `width` pixels wide. */
  line(x0, y0, x1, y1, width, color) {
    const length = Math.hypot(x1 - x0, y1 - y0), half = (width - 1) / 2;
    const less = roundedDown(half) / length, more = Math.floor(half + 0.5) / length;
    const [u, v] = [x1 - x0, y1 - y0];
    const [lessX, moreX, lessY, moreY] = [less * v, more * v, less * u, more * u].map(roundedDown);
    this.polygon([[x0 - lessX, y0 + moreY], [x1 - lessX, y1 + moreY], [x1 + moreX, y1 - lessY],
                  [x0 + moreX, y0 - lessY]], color);
  }

  /** The picture: red, green and blue of each pixel, row by row. Each is the mean of 4 x 4 large pixels. */
  reduced() {
    const picture = new Uint8ClampedArray(SIDE * SIDE * 3);
    for (let i = 0; i < SIDE * SIDE; i++) {
      const first = Math.floor(i / SIDE) * SUPERSAMPLE * LARGE + (i % SIDE) * SUPERSAMPLE;
      let redAndBlue = 0x80008, green = 8;      // half of 16, so that the quotient is rounded
      for (let row = first; row < first + SUPERSAMPLE * LARGE; row += LARGE) {
        for (let at = row; at < row + SUPERSAMPLE; at++) {
          redAndBlue += this.pixels[at] & 0xff00ff;
          green += (this.pixels[at] >> 8) & 255;
        }
      }
      picture[3 * i] = (redAndBlue & 0xffff) >> 4;
      picture[3 * i + 1] = green >> 4;
      picture[3 * i + 2] = redAndBlue >> 20;
    }
    return picture;
  }
}

function packed([red, green, blue]) {
  return red | (green << 8) | (blue << 16);
}

/* Rounding in which a half goes towards 0. */
function roundedDown(value) {
  return Math.sign(value) * Math.ceil(Math.abs(value) - 0.5);
}

/* How far a place lies clockwise of the ray from the centre at an angle in degrees. */
function ahead(degrees) {
  const x = Math.cos(degrees * Math.PI / 180), y = Math.sin(degrees * Math.PI / 180);
  return (u, v) => Math.round((x * v - y * u) * 1e9);    // rounded: a ray along an axis meets whole pixels
}

function makeEdge([x0, y0], [x1, y1]) {
  return {
    x0, y0, left: Math.min(x0, x1), right: Math.max(x0, x1), top: Math.min(y0, y1),
    bottom: Math.max(y0, y1), slope: y0 === y1 ? 0 : Math.fround((x1 - x0) / (y1 - y0)),
  };
}

/** Where the edges cross the row y, from left to right. An edge that ends here counts twice, but not in the
   last row: so the rows are full at each corner. */
function crossings(edges, y, bottom) {
  const xs = [];
  for (const edge of edges) {
    if (y < edge.top || y > edge.bottom) continue;
    const x = crossing(edge, y);
    xs.push(x);
    if (y === edge.bottom && y < bottom) xs.push(x);
  }
  return xs.sort((a, b) => a - b);
}

function crossing(edge, y) {
  return Math.fround(Math.fround((y - edge.y0) * edge.slope) + edge.x0);
}

/** The pixels between two crossings each, without those that are filled already. */
function spans(xs) {
  const found = [];
  let free = 0;
  for (let i = 1; i < xs.length; i += 2) {
    const end = Math.ceil(xs[i] - 0.5), start = Math.max(Math.floor(xs[i - 1] + 0.5), free);
    if (end < free) continue;
    found.push([start, end]);
    free = end + 1;
  }
  return found;
}

/** [x0, x1, y] of each row of an ellipse. Lengths are counted in half pixels from its centre, and each step
   down goes to the neighbour that is closest to the curve (Bresenham). */
export function* ellipseRows(left, top, right, bottom) {
  const width = right - left, height = bottom - top;
  const miss = (x, y) => Math.abs(width * width * y * y + height * height * x * x
                                  - width * width * height * height);
  let x = width, y = height % 2, row = -1;
  while (width >= 0 && height >= 0) {
    if (y !== row) {
      for (const side of y ? [y, -y] : [0]) {
        yield [left + (width - x) / 2, left + (width + x) / 2, top + (height + side) / 2];
      }
    }
    row = y;
    if (x === width % 2 && y === height) return;
    [x, y] = nextOnCurve(x, y, miss);
  }
}

function nextOnCurve(x, y, miss) {
  let best = [x, y + 2];
  if (x < 2) return best;
  for (const other of [[x - 2, y + 2], [x - 2, y]]) {
    if (miss(...other) < miss(...best)) best = other;
  }
  return best;
}
