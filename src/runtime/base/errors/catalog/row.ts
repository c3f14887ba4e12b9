/** What a failure means to the shell: 1 job or check failed, 2 connection, 3 timeout, 4 bad input, 5 a bug of ours, 130 left by Ctrl-C. */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 130;

/**
 * One named failure. `{name}` in `message` and `hint` is filled from the parameters given at the throw, `{name|one|many}` as `1 one` or `2 many`, and
 * `{$name}` in a command as a shell takes it.
 */
export interface ErrorRow {
  readonly exit: ExitCode;
  /** HTTP status of a server's answer; default: by the exit code. */
  readonly status?: number;
  readonly message: string;
  /** What to do next, in the imperative. */
  readonly hint: string;
}
