/* Numbers in tables: the digits of Pillow's built-in font (Aileron), as it draws them on the large canvas.

   Drawing a font fits each size to whole pixels, so one outline would not do: these are the pixels that are
   covered by half or more, printed by tests/tools/digit_bitmaps.py. A letter stands for six pixels (as in
   base64), and a row has six letters.
*/
import { SUPERSAMPLE, round } from "./canvas.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const WIDTH = 36;              // pixels of a row
const LEFT = 2;                // pixels of a row before the digit's origin
const BELOW = 2;               // rows of all digits under the line of writing
const ADVANCE = 0.58;          // width of every digit, as a part of the font size
const DIGIT_HEIGHT = 0.7;      // height of every digit
const DIGITS = {               // font size on the large canvas: the digits from 0 to 9
  52: [
    "AB/8AAAD//AAAP//wAAf//4AA///4AA/wf8AB/gH+AB/AD+AD/AD+AD+AB/AD+AB/AD+AB/AH8AB/AH8AA/gH8AA/gH8AA/gH8AA/g" +
    "H8AA/gH8AA/gH8AA/gH8AA/gH8AA/gH8AA/gH8AA/gH8AA/gH8AB/AD+AB/AD+AB/AD+AB/AD/AD+AB/AD+AB/gH+AA/wP8AA///4A" +
    "Af//4AAP//wAAD//AAAB/8AAAAAAAA",
    "AAA/gAAAD/gAAAP/gAAAf/gAAB//gAAH//gAAP//gAAP//gAAP8/gAAP4/gAAPg/gAAOA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gA" +
    "AAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gA" +
    "AAA/gAAAA/gAAAA/gAAAA/gAAAAAAA",
    "AAf/AAAB//gAAH//4AAP//8AAf//8AAf4P+AA/gD+AA/gD/AA/AB/AB/AB/AB/AB/AB+AB/AB+AB/AAAAB/AAAAD+AAAAH+AAAAH8A" +
    "AAAP8AAAAf4AAAA/wAAAB/wAAAD/gAAAH/AAAAP+AAAAf8AAAA/4AAAB/wAAAB/gAAAD/AAAAH+AAAAP8AAAAf4AAAA/wAAAB////A" +
    "D////AD////AD////AD////AAAAAAA",
    "AA//AAAD//wAAH//4AAP//8AAf//+AAf4P+AA/gD+AA/gD/AB/AB/AB/AB/AB+AB/AB+AB/AAAAB+AAAAD+AAAAH+AAAAf8AAAH/4A" +
    "AAP/wAAAP/wAAAP/8AAAH/+AAAA/+AAAAD/AAAAB/AAAAB/gD4AA/gD8AA/gD8AA/gD8AA/gD+AA/gD+AB/AB/AD/AB/wH+AA///+A" +
    "Af//8AAP//4AAH//gAAB/+AAAAAAAA",
    "AAAH8AAAAP8AAAAP8AAAAf8AAAA/8AAAA/8AAAB/8AAAD/8AAAH/8AAAH/8AAAP/8AAAf38AAA/38AAA/n8AAB/H8AAD/H8AAD+H8A" +
    "AH8H8AAP4H8AAf4H8AAfwH8AA/gH8AB/AH8AB/AH8AD////wH////wH////wH////wH////wAAAH8AAAAH8AAAAH8AAAAH8AAAAH8A" +
    "AAAH8AAAAH8AAAAH8AAAAH8AAAAAAA",
    "Af//+AAf//+AAf//+AAf//+AAf//+AAfgAAAA/AAAAA/AAAAA/AAAAA/AAAAA/AAAAA/AAAAA/AAAAA/f+AAB///gAB///4AB///8A" +
    "B///+AB/4P+AB/gD/AB/AB/AB+AB/AB+AA/gAAAA/gAAAA/gAAAA/gD8AA/gD+AA/gD+AA/gD+AB/AB/AB/AB/gD/AB/wP+AA///8A" +
    "Af//4AAP//wAAH//gAAB/+AAAAAAAA",
    "AAf+AAAB//gAAH//wAAP//4AAf//8AAfwP8AA/gH+AB/AD+AB/AD+AB+AB+AD+AB/AD+AB+AD8P4AAD8//AAH///gAH///wAH///4A" +
    "H/4/8AH/gP+AH/AH+AH+AD+AH+AD/AH8AB/AH8AB/AH8AB/AH8AB/AH8AB/AD8AB/AD8AB/AD+AD+AB+AD+AB/AH8AB/wf8AA///4A" +
    "Af//wAAP//gAAH//AAAB/8AAAAAAAA",
    "D////gD////gD////gD////gD////AAAAB/AAAAD+AAAAD+AAAAH8AAAAH8AAAAP4AAAAP4AAAAfwAAAAfwAAAA/gAAAA/gAAAB/AA" +
    "AAB/AAAAD+AAAAD+AAAAH8AAAAH8AAAAP4AAAAPwAAAAfwAAAAfgAAAA/gAAAB/AAAAB/AAAAD+AAAAD+AAAAH8AAAAH8AAAAP4AAA" +
    "AP4AAAAfwAAAAfwAAAAfgAAAAAAAAA",
    "AB/+AAAH//gAAP//wAAf//4AA///8AB/wP+AB/AD+AD/AD/AD+AB/AD+AB/AD+AB/AD+AB/AD+AB/AB/AD+AB/gH+AA/8/8AAf//4A" +
    "AP//wAAP//wAA///8AB///8AB/wP+AD/AD/AD+AB/AH8AB/gH8AA/gH8AA/gH8AA/gH8AA/gH8AA/gD+AB/AD/AD/AD/gH/AB///+A" +
    "A///8AAf//4AAP//gAAB/+AAAAAAAA",
    "AA/+AAAD//gAAH//wAAP//4AAf//8AA/4P+AA/gD+AB/AB+AB/AB/AD+AA/AD+AA/AD+AA/gD+AA/gD+AA/gD+AA/gD+AA/gD/AB/g" +
    "B/AB/gB/gD/gB/wH/gA/8f/gAf///gAP///gAH///gAD/8/AAAfw/AB+AB/AD+AB/AB+AB+AB/AD+AB/AD+AB/gH8AA/wP4AA///4A" +
    "Af//wAAP//gAAH/+AAAB/4AAAAAAAA",
  ],
  56: [
    "AAH4AAAA//AAAD//wAAH//4AAP//8AAf//+AA/8P/AA/wD/AB/gB/gB/AA/gD/AA/wD/AA/wD+AAfwD+AAfwD+AAfwH+AAf4H+AAf4" +
    "H8AAP4H8AAP4H8AAP4H8AAP4H8AAP4H8AAP4H8AAP4H8AAP4H8AAP4H8AAf4H+AAf4H+AAf4D+AAfwD+AAfwD+AAfwD/AA/wB/AA/g" +
    "B/gB/gA/wD/AA/4H/AAf//+AAf//+AAP//8AAD//wAAB//gAAAP8AA",
    "AAAfwAAAB/wAAAD/wAAAP/wAAA//wAAB//wAAH//wAAH//wAAP/fwAAP8fwAAP4fwAAPgfwAAGAfwAAAAfwAAAAfwAAAAfwAAAAfwA" +
    "AAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwA" +
    "AAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAfwAAAAAAA",
    "AAH+AAAA//wAAB//8AAH//+AAP///AAP///AAf8D/gAfwB/gA/gA/wA/gA/wB/AAfwB/AAfwB/AAfwB/AAfwB/AA/wAAAA/wAAAA/g" +
    "AAAB/gAAAD/AAAAH/AAAAH+AAAAP8AAAAf8AAAA/4AAAB/wAAAD/gAAAH/AAAAP+AAAAf8AAAA/4AAAB/wAAAD/gAAAH/AAAAP+AAA" +
    "Af8AAAA/4AAAB////gD////wD////wD////wD////wD////wAAAAAA",
    "AAD8AAAA//gAAD//4AAH//8AAP//+AAf///AAf8H/AA/wD/gA/gB/gB/AA/gB/AA/gB/AA/gB/AA/gB+AA/gAAAB/gAAAB/AAAAD/A" +
    "AAAP+AAAD/8AAAH/4AAAH/4AAAH/8AAAH/+AAAH//AAAAH/gAAAB/gAAAA/wAAAA/wD4AAfwH8AAfwH8AAfwH8AAfwD+AAfwD+AA/w" +
    "D/AA/wD/gB/gB/wH/gA////AA///+AAf//8AAP//wAAD//gAAAf8AA",
    "AAAD+AAAAH+AAAAH+AAAAP+AAAAf+AAAAf+AAAA/+AAAB/+AAAD/+AAAD/+AAAH/+AAAP/+AAAP7+AAAfz+AAA/z+AAB/j+AAB/D+A" +
    "AD/D+AAH+D+AAH8D+AAP4D+AAf4D+AA/wD+AA/gD+AB/gD+AD////4D////8H////8H////8H////8H////8AAAD+AAAAD+AAAAD+A" +
    "AAAD+AAAAD+AAAAD+AAAAD+AAAAD+AAAAD+AAAAD+AAAAAAA",
    "AP///gAP///wAP///wAf///wAf///wAf///gAfgAAAAfgAAAAfgAAAAfgAAAAfgAAAAfgAAAA/gAAAA/h+AAA/P/wAA///8AA///+A" +
    "A////AA////gA/8H/gB/wB/wB/gA/wB/AAf4B/AAf4A+AAP4AAAAP4AAAAP4AAAAP4B+AAP4B+AAP4B/AAP4B/AAf4B/AAfwB/gA/w" +
    "A/wB/wA/4D/gAf///AAf//+AAP//8AAH//4AAB//gAAAP8AA",
    "AAD8AAAAf/gAAB//4AAD//8AAH//+AAP///AAf8H/AAfwD/gA/gB/gB/AA/gB/AA/wB/AAfwD+AAfwD+AAPgD+H8AAD+f/gAH///4A" +
    "H///8AH///+AH////AH/wH/AH/gD/gH/AB/gH+AA/wH+AA/wH+AAfwH8AAfwH8AAfwH8AAfwH8AAfwD8AAfwD+AAfwD+AA/wD+AA/g" +
    "B/AB/gB/gD/AA/wH/AA///+AAf//8AAP//4AAH//wAAB//AAAAf8AA",
    "B////wD////4D////4D////4D////4D////wAAAA/wAAAA/gAAAB/gAAAB/AAAAD+AAAAD+AAAAH8AAAAH8AAAAP4AAAAP4AAAAfwA" +
    "AAAfwAAAA/gAAAA/gAAAB/AAAAB/AAAAD+AAAAD+AAAAH8AAAAP8AAAAP4AAAAf4AAAAfwAAAA/wAAAA/gAAAB/gAAAB/AAAAD/AAA" +
    "AD+AAAAH+AAAAH8AAAAP8AAAAP4AAAAf4AAAAfwAAAAPAAAA",
    "AAP8AAAB//gAAH//4AAP//8AAf//+AA////AA/4H/AB/wD/gB/gB/gB/AA/gB/AA/gB/AA/gB/AA/gB/AA/gB/AA/gB/gB/AA/wD/A" +
    "A/4H+AAf//+AAP//4AAH//4AAP//8AA///+AA////AB/wH/gD/AB/gD+AA/wH+AA/wH+AAfwH8AAfwH8AAfwH8AAfwH+AAfwH+AA/w" +
    "D+AA/wD/AB/gD/wD/gB////AA///+AAf//8AAP//4AAD//gAAAf8AA",
    "AAD8AAAA//gAAD//4AAH//8AAP//+AAf///AA/8H/AA/wB/gB/gA/gB/gAfwB/AAfwD/AAPwD+AAP4D+AAP4D+AAP4D+AAP4D+AAP4" +
    "D/AAP4D/AAf4B/AAf4B/gA/4B/wB/4A/4D/4A////4Af///4AP///4AH//v4AB//P4AAP4PwAAAAfwD+AAfwD/AAfwB/AA/gB/AA/g" +
    "B/gB/AB/wD/AA/4H+AAf//8AAf//8AAP//4AAH//gAAB//AAAAP4AA",
  ],
  60: [
    "AAH+AAAA//wAAD//8AAH//+AAP///AAf///gAf8D/gA/4B/wB/wA/4B/gAf4B/gAf4D/AAP8D/AAP8D/AAP8D+AAH8H+AAH+H+AAH+" +
    "H+AAH+H+AAH+H+AAH+H+AAH+H+AAH+H+AAH+H+AAH+H+AAH+H+AAH+H+AAH+H+AAH+H+AAH+H+AAH+D+AAH8D/AAP8D/AAP8D/AAP8" +
    "B/gAf4B/gAf4B/wA/4A/4B/wAf8D/gAf///gAP///AAH//+AAD//8AAA//wAAAH+AA",
    "AAAP4AAAA/8AAAD/8AAAH/8AAAf/8AAB//8AAD//8AAH//8AAP//8AAP/P8AAP8P8AAP4P8AAPgP8AAGAP8AAAAP8AAAAP8AAAAP8A" +
    "AAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8A" +
    "AAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP8AAAAP4AAAAAAA",
    "AAB/gAAAP/8AAA///AAB///gAD///wAH///4AP/B/4AP8Af8Af4AP8Af4AP8AfwAH8AfwAH+A/gAH+A/gAH+A/gAH+A/gAH8AAAAP8" +
    "AAAAP8AAAAf4AAAAf4AAAA/wAAAB/wAAAD/gAAAH/AAAAP/AAAAf+AAAA/8AAAA/4AAAB/wAAAD/gAAAH/AAAAP+AAAAf8AAAA/4AA" +
    "AB/wAAAD/gAAAH/AAAAP+AAAAf8AAAA////8B////+B////+B////+B////+B////8AAAAAA",
    "AAD/AAAAf/4AAB//+AAD///AAH///gAP///wAf+D/4A/4A/4A/wAf4A/gAP4B/gAP8B/AAP8B/AAP8B/AAP4A+AAP4AAAAf4AAAA/w" +
    "AAAB/wAAAH/gAAD//AAAD/+AAAD/+AAAD//AAAD//gAAD//wAAAD/4AAAA/8AAAAP8AAAAP8AAAAH8H8AAH+H+AAH+D+AAH+D+AAH+" +
    "D+AAH8D/AAP8B/gAf8B/wA/4B/8D/4A////wAf///gAP///AAH//8AAB//wAAAP+AA",
    "AAAA/gAAAB/gAAAD/gAAAH/gAAAH/gAAAP/gAAAf/gAAA//gAAA//gAAB//gAAD//gAAD//gAAH//gAAP9/gAAP5/gAAf5/gAA/x/g" +
    "AB/h/gAB/B/gAD/B/gAH+B/gAH8B/gAP8B/gAf4B/gA/wB/gA/gB/gB/gB/gD/////D/////H/////H/////H/////H/////AAAB/g" +
    "AAAB/gAAAB/gAAAB/gAAAB/gAAAB/gAAAB/gAAAB/gAAAB/gAAAB/gAAAA/gAAAAAA",
    "AP///4Af///4Af///4Af///4Af///4Af///4AfwAAAAfgAAAAfgAAAAfgAAAA/gAAAA/gAAAA/gAAAA/gAAAA/gAAAA/D/AAA/P/4A" +
    "A///+AB////AB////gB////wB/8D/4B/wA/4B/gAf8B/gAP8B/AAP8B+AAP8AAAAH8AAAAH+AAAAH+AAAAH+D+AAH+D+AAH8D/AAH8" +
    "D/AAP8B/AAP8B/gAf4B/wA/4A/8D/wA////gAf///AAP//+AAH//8AAB//wAAAP+AA",
    "AAB/gAAAP/8AAAf/+AAB///gAD///gAH///wAH/B/4AP8Af4Af4AP8AfwAP8A/gAH8A/gAH8A/gAH+B/AAD4B/B/gAB/P/4AB/f/+A" +
    "D////AD////gD////wD/+D/4D/4A/4D/wAf8D/gAP8D/gAP8D/AAH+D/AAH+D/AAH+D/AAH+D/AAH+D/AAH+B/AAH+B/AAH+B/AAH8" +
    "B/gAP8A/gAP8A/wAf4A/4A/4Af+D/wAP///wAP///gAH///AAB//8AAA//wAAAH/AA",
    "D////+D////+D////+D////+D////8D////8AAAAP4AAAAf4AAAAfwAAAA/wAAAA/gAAAB/gAAAB/AAAAD/AAAAD+AAAAH+AAAAH8A" +
    "AAAP8AAAAP4AAAAf4AAAA/wAAAA/wAAAB/gAAAB/gAAAD/AAAAD/AAAAH+AAAAH+AAAAP8AAAAP4AAAAf4AAAAfwAAAA/wAAAA/gAA" +
    "AB/gAAAB/AAAAD/AAAAD+AAAAH+AAAAH8AAAAP8AAAAf4AAAAf4AAAAHgAAAAAAAAA",
    "AAD/gAAAf/8AAB//+AAD///gAH///wAP///4Af+B/4Af8Af8Af4AP8A/wAP8A/wAH8A/wAH+A/wAH+A/wAH+A/wAH8A/wAP8Af4AP8" +
    "Af8Af4AP+B/4AH///wAD///gAB///AAH///AAP///wAf///4A/8B/4A/wAf8B/gAP+B/gAH+D/AAH+D/AAD+D/AAD/D/AAD/D/AAD/" +
    "D/AAD+D/AAH+B/gAH+B/gAP+B/wAf8A/8B/8A////4Af///wAP///gAD//+AAA//8AAAH/AA",
    "AAH/AAAA//4AAB//8AAH///AAP///AAf///gAf+D/wA/4A/wB/wAf4B/gAP4B/gAP8D/AAH8D/AAH8D/AAH8D/AAH+D/AAH+D/AAH+" +
    "D/AAH+D/AAH+B/AAP+B/gAP+B/wAf+A/4A/+A/8D/+Af///+AP///+AH///+AD//3+AB//n8AAP8H8AAAAH8B/AAP8D/AAP4B/AAP4" +
    "B/gAf4B/gAfwB/wA/wA/4B/gA/8H/AAf///AAP//+AAH//8AAD//wAAA//gAAAP8AA",
  ],
};

/** Write a number with its centre at x, y. Lengths, also of the size, are pixels of the picture. */
export function writeNumber(canvas, number, x, y, size, color) {
  const large = round(size * SUPERSAMPLE), advance = round(ADVANCE * large), digits = [...String(number)];
  const left = Math.floor(round(x * SUPERSAMPLE) - digits.length * advance / 2) - LEFT;
  const bottom = round((y + size * DIGIT_HEIGHT / 2) * SUPERSAMPLE) + BELOW;
  digits.forEach((digit, i) => paintDigit(canvas, DIGITS[large][digit], left + i * advance, bottom, color));
}

function paintDigit(canvas, letters, left, bottom, color) {
  const top = bottom - letters.length * 6 / WIDTH;
  [...letters].forEach((letter, i) => {
    const pixels = LETTERS.indexOf(letter), x = left + i * 6 % WIDTH, y = top + Math.floor(i * 6 / WIDTH);
    for (let bit = 0; bit < 6; bit++) {
      if (pixels >> (5 - bit) & 1) canvas.row(x + bit, x + bit, y, color);
    }
  });
}
