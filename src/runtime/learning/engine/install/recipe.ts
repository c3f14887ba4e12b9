/** One way to give a package its native parts: fills `staged`, a copy of the package, with `deps` and `lib`. */
export type Recipe = (work: {
  readonly staged: string;
  readonly signal: AbortSignal;
  /** A line for people about what goes on. */
  readonly tell: (line: string) => void;
}) => Promise<void>;
