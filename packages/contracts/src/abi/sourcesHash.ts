// Made by scripts/gen.mjs: what the files beside this one were made from.
export const sourcesHash = "8c1cd7b144763a978ab8c459fb690700a48fed9b99bffa4df0fe076ec74d168b";
