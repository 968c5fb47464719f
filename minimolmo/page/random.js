/* Python's random numbers: the same seed gives the same numbers as random.Random(seed).

   So a record with the seed of a Python scene has the same background and the same shades of colour.
   Source: CPython's _randommodule.c (the Mersenne Twister MT19937) and random.py.
*/
const SIZE = 624;      // words of the state
const SHIFT = 397;     // distance of the words that are combined

export class Random {
  /** seed: a whole number from 0 to 2 ** 32 - 1 */
  constructor(seed) {
    this.state = seededState(seed >>> 0);
    this.index = SIZE;
  }

  /** A random word: 0 to 2 ** 32 - 1. */
  word() {
    if (this.index === SIZE) {
      refill(this.state);
      this.index = 0;
    }
    let word = this.state[this.index++];
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  }

  /** A fraction from 0 to 1, without 1. */
  fraction() {
    const high = this.word() >>> 5, low = this.word() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  uniform(low, high) {
    return low + (high - low) * this.fraction();
  }

  /** A whole number from low to high, both included. */
  integer(low, high) {
    const count = high - low + 1, bits = 32 - Math.clz32(count);
    let number = count;
    while (number >= count) number = this.word() >>> (32 - bits);
    return low + number;
  }

  choice(list) {
    return list[this.integer(0, list.length - 1)];
  }

  /** `count` different members of a list. (Python draws a sample in another way.) */
  sample(list, count) {
    const rest = [...list];
    return Array.from({ length: count }, () => rest.splice(this.integer(0, rest.length - 1), 1)[0]);
  }

  /** As randbytes. The count is a multiple of 4. */
  bytes(count) {
    const bytes = new Uint8Array(count), view = new DataView(bytes.buffer);
    for (let at = 0; at < count; at += 4) view.setUint32(at, this.word(), true);
    return bytes;
  }
}

function seededState(seed) {
  const state = new Uint32Array(SIZE);
  state[0] = 19650218;
  for (let i = 1; i < SIZE; i++) state[i] = Math.imul(mixed(state[i - 1]), 1812433253) + i;
  let i = 1;
  const next = () => {
    if (++i === SIZE) {
      state[0] = state[SIZE - 1];
      i = 1;
    }
  };
  for (let step = 0; step < SIZE; step++, next()) {
    state[i] = (state[i] ^ Math.imul(mixed(state[i - 1]), 1664525)) + seed;
  }
  for (let step = 1; step < SIZE; step++, next()) {
    state[i] = (state[i] ^ Math.imul(mixed(state[i - 1]), 1566083941)) - i;
  }
  state[0] = 0x80000000;
  return state;
}

function mixed(word) {
  return word ^ (word >>> 30);
}

function refill(state) {
  for (let i = 0; i < SIZE; i++) {
    const joined = (state[i] & 0x80000000) | (state[(i + 1) % SIZE] & 0x7fffffff);
    state[i] = state[(i + SHIFT) % SIZE] ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
  }
}
