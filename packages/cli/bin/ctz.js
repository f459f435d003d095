#!/usr/bin/env node
// The polyfill comes first: libp2p needs `Promise.withResolvers`, which Node 20 lacks.
import "@catalyze/core/primitives/polyfill";
import {main} from "../dist/main.js";
import {processIo} from "../dist/processIo.js";

process.exitCode = await main(process.argv.slice(2), processIo());
