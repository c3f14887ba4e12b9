import type { RecordForm } from '../../src/runtime/run/journal.ts';

/** Records of any JSON, as they are. */
export const ANYTHING: RecordForm<unknown> = { write: (value) => value, reader: () => (value) => value };
