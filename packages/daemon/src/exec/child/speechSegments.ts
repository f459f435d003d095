/** Speech probabilities per chunk to segments in milliseconds; the thresholds are Silero's usual ones. */
import type {SpeechSegment} from "@catalyze/core/task/output";

const CHUNK_MS = 32;
const START_MIN = 0.5;
/** Speech goes on until below this: one threshold for both would flicker. */
const STAY_MIN = 0.35;
const SILENCE_MS_MIN = 256;
const SPEECH_MS_MIN = 160;
const PAD_MS = 32;

export function speechSegments(
  probabilities: readonly number[],
  durationMs: number,
): readonly SpeechSegment[] {
  const raw: {start: number; end: number}[] = [];
  let isSpeech: boolean = false;
  for (const [chunk, probability] of probabilities.entries()) {
    const wasSpeech: boolean = isSpeech;
    isSpeech = probability >= (wasSpeech ? STAY_MIN : START_MIN);
    if (!isSpeech) continue;
    const last = raw.at(-1);
    const joins = last !== undefined && (wasSpeech || (chunk - last.end) * CHUNK_MS < SILENCE_MS_MIN);
    if (joins) last.end = chunk + 1;
    else raw.push({start: chunk, end: chunk + 1});
  }
  return raw
    .filter(({start, end}) => (end - start) * CHUNK_MS >= SPEECH_MS_MIN)
    .map(({start, end}) => ({
      startMs: Math.max(0, start * CHUNK_MS - PAD_MS),
      endMs: Math.min(durationMs, end * CHUNK_MS + PAD_MS),
    }));
}
