// Made by scripts/gen.mjs: what the files beside this one were made from.
export const sourcesHash = "e487a22add86e480086eb0f02c87a7ba1c8f5546333fbf7bb2f06c6870036e74";
