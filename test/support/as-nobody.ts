/** User and group that own nothing. */
export const NOBODY = 65_534;

/** Runs something for which the permissions of files count: to root they say nothing. */
export async function asNobody<Result>(work: () => Promise<Result>): Promise<Result> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
