import { MODULE_EXTENSION } from '../../../base/files/module-file.ts';
import { OperationThread } from '../../../base/threads/operation-thread.ts';
import type { OPERATIONS } from './operations.ts';

const ENTRY = new URL(`./work-entry${MODULE_EXTENSION}`, import.meta.url);

/** The server's thread for heavy work. */
export class WorkThread extends OperationThread<typeof OPERATIONS> {
  constructor() {
    super(ENTRY);
  }
}
