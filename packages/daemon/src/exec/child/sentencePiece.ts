/**
 * SentencePiece, unigram model: of all ways to cut a line into pieces of the vocabulary, the likeliest
 * (Viterbi). `vocabulary` is JSON `[[piece, log probability], …]`; a piece's place is its id.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import {fromUtf8} from "@catalyze/core/primitives/bytes";

/** Ids below are control pieces, which never match text; 0 stands for what no piece covers. */
const CONTROL_PIECES = 6;
const UNKNOWN_ID = 0;
const UNKNOWN_SCORE = -100;
const SPACE = "\u2581";

type Piece = {readonly id: number; readonly score: number};

export function sentencePieceTokenizer(vocabulary: Uint8Array): (line: string) => readonly number[] {
  const pieces = readVocabulary(vocabulary);
  const lengthMax = Math.max(...[...pieces.keys()].map((piece) => [...piece].length));
  return (line) => {
    const characters = [...(SPACE + line.normalize("NFKC").replaceAll(" ", SPACE))];
    return mergeUnknown(bestCut(characters, pieces, lengthMax));
  };
}

function readVocabulary(bytes: Uint8Array): ReadonlyMap<string, Piece> {
  const value: unknown = JSON.parse(fromUtf8(bytes));
  if (!Array.isArray(value) || value.length <= CONTROL_PIECES)
    throw new CodedError("MODEL_INVALID", {evidence: {file: "vocabulary.json"}});
  const pieces = new Map<string, Piece>();
  for (const [id, entry] of value.entries()) {
    const [piece, score] = entry as readonly [string, number];
    if (id >= CONTROL_PIECES) pieces.set(piece, {id, score});
  }
  return pieces;
}

function bestCut(
  characters: readonly string[],
  pieces: ReadonlyMap<string, Piece>,
  lengthMax: number,
): readonly number[] {
  const {length} = characters;
  const scores = new Float64Array(length + 1).fill(Number.NEGATIVE_INFINITY);
  const starts = new Int32Array(length + 1);
  const ids = new Int32Array(length + 1);
  scores[0] = 0;
  const offer = (start: number, end: number, id: number, score: number) => {
    const total = (scores[start] as number) + score;
    if (total <= (scores[end] as number)) return;
    scores[end] = total;
    starts[end] = start;
    ids[end] = id;
  };
  for (let start = 0; start < length; start++) {
    offer(start, start + 1, UNKNOWN_ID, UNKNOWN_SCORE);
    let text = "";
    for (let end = start + 1; end <= Math.min(length, start + lengthMax); end++) {
      text += characters[end - 1];
      const piece = pieces.get(text);
      if (piece !== undefined) offer(start, end, piece.id, piece.score);
    }
  }
  const cut: number[] = [];
  for (let end = length; end > 0; end = starts[end] as number) cut.push(ids[end] as number);
  return cut.reverse();
}

/** A run of unknown characters is one unknown piece. */
function mergeUnknown(ids: readonly number[]): readonly number[] {
  return ids.filter((id, index) => id !== UNKNOWN_ID || ids[index - 1] !== UNKNOWN_ID);
}
