import type {Brand} from "./brand.ts";

/** Milliseconds since the Unix epoch. Only adapters read a clock; core is handed the time. */
export type UnixMs = Brand<number, "UnixMs">;
