/** What was opened and is to be closed again, the newest first: `AsyncDisposableStack`, which Node.js 22 has not. */
export interface Opened {
  /** Has something closed in the end, whatever happens to what is opened after it. */
  closeLast(close: () => unknown): void;
}

/**
 * Does work that opens one thing after another, and closes what was opened in reverse, also where the work fails half-way. All is closed,
 * whatever one of them throws: the first error is the one that comes out, that of the work before those of closing.
 */
export async function whileOpen<Result>(work: (opened: Opened) => Promise<Result>): Promise<Result> {
  const closers: (() => unknown)[] = [];
  const errors: unknown[] = [];
  const keep = (thrown: unknown) => {
    errors.push(thrown);
  };
  const done = await work({ closeLast: (close) => closers.unshift(close) }).then(
    (result) => ({ result }),
    keep,
  );
  for (const close of closers) await Promise.resolve().then(close).catch(keep);
  if (done && errors.length === 0) return done.result;
  throw errors[0];
}
