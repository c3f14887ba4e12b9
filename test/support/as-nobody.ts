import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/runtime/base/files/package-root.ts';

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

/** Whether another user gets to this clone: one in a folder that is closed to others is of no use to them. */
export function isOpenToOthers(): Promise<boolean> {
  return asNobody(() => stat(join(PACKAGE_ROOT, 'package.json'))).then(
    () => true,
    () => false,
  );
}
