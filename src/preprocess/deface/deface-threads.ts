import { MODULE_EXTENSION } from '../../runtime/base/files/module-file.ts';
import { OperationThreads } from '../../runtime/base/threads/operation-threads.ts';
import type { defaceNiftis } from './deface-nifti.ts';

/** Sources run as .ts, the package as .js; the compiler rewrites imports, but not this name. */
const ENTRY = new URL(`./deface-entry${MODULE_EXTENSION}`, import.meta.url);

export type DefaceThreads = OperationThreads<{ defaceNiftis: typeof defaceNiftis }>;

/** Threads that take out faces. In them the bytes of files are copies. */
export function defaceThreads(signal: AbortSignal): DefaceThreads {
  return new OperationThreads(ENTRY, signal);
}
