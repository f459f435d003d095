/** What a command takes from its line. */
type FlagBase = {readonly describe: string; readonly alias?: string};

export type FlagSpec =
  | (FlagBase & {
      readonly kind: "text";
      readonly value?: string;
      readonly required?: true;
      readonly choices?: readonly string[];
    })
  /** May be given several times. */
  | (FlagBase & {readonly kind: "many"; readonly value?: string})
  | (FlagBase & {readonly kind: "switch"})
  /** A switch that may be left unsaid: `--mdns`, `--no-mdns`. */
  | (FlagBase & {readonly kind: "toggle"});

export type ArgSpec = {
  readonly describe: string;
  readonly required?: true;
  /** Takes the rest of the line. */
  readonly rest?: true;
};

export type FlagSpecs = Readonly<Record<string, FlagSpec>>;
export type ArgSpecs = Readonly<Record<string, ArgSpec>>;
