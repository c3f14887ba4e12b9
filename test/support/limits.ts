/**
 * Seconds after which a test gives up what it waits for. No test is about them: they only end what hangs, and a busy machine is ten times
 * slower than an idle one. Below the limits of tests in vitest.config.ts, so that what was waited for is said.
 */
export const LIMITS = {
  /** Something that takes a moment: a phase of a task, a line of output, the end of a process. */
  moment: 120,
  /** A whole job, or a script. */
  job: 200,
  /** A job of the extended suite. */
  longJob: 500,
} as const;
