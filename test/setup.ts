import "@catalyze/core/primitives/polyfill";
