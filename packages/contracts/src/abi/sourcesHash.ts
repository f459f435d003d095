// Made by scripts/gen.mjs: what the files beside this one were made from.
export const sourcesHash = "55e6dd20746bb0317327a827481306f00abb4503684929c393cb1a0cba94265e";
