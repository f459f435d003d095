#!/usr/bin/env -S node --max-semi-space-size=32
// The polyfill comes first: libp2p needs `Promise.withResolvers`, which Node 20 lacks.
import "@catalyze/core/primitives/polyfill";
import {holdYoungHeap} from "@catalyze/daemon/runtime/youngHeap";

holdYoungHeap();
const {main} = await import("../dist/main.js");
const {processIo} = await import("../dist/processIo.js");

process.exitCode = await main(process.argv.slice(2), processIo());
