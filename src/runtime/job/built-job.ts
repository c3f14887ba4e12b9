/** A job that a program made: what its folder would hold. */
export interface BuiltJob {
  /** Absolute: paths in the definition start here, and `files` lie below it. */
  readonly folder: string;
  /** Text of its job.yaml. */
  readonly yaml: string;
  /** Its scripts: paths from `folder`, with forward slashes. */
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
}

/** Where a job is: its folder (or job.yaml), or in memory. */
export type JobHome = string | BuiltJob;
