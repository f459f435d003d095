/**
 * Loading a few thousand modules makes V8 grow its young generation to 32 MiB, of which an idle daemon
 * uses a tenth and gives nothing back. While a process starts it stays at its first size: measured on
 * Node 20, 115 MiB resident after a minute against 122 to 157, and no slower start. Afterwards it may grow,
 * because then it grows with the work: up to twice V8's own limit (`bin/ctz.js`, since no running process can
 * change it). What a witness keeps for seconds is then copied less often before it grows old.
 */
import {setFlagsFromString} from "node:v8";

/** Call before the large imports. */
export function holdYoungHeap(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** Back to V8's own default. */
export function releaseYoungHeap(): void {
  setFlagsFromString("--semi-space-growth-factor=2");
}
