/**
 * Entities of BIDS 1.11 ("Entities", appendix) by their short names, as they stand in file names. Those of an index are compared as numbers:
 * `run=1` is `run-01`, too.
 */
export const ENTITIES: ReadonlySet<string> = new Set([
  ...['sub', 'ses', 'sample', 'task', 'tracksys', 'acq', 'nuc', 'voi', 'ce', 'trc', 'stain', 'rec', 'dir'],
  ...['run', 'mod', 'echo', 'flip', 'inv', 'mt', 'part', 'proc', 'hemi', 'space', 'atlas', 'seg', 'scale'],
  ...['split', 'recording', 'chunk', 'res', 'den', 'label', 'desc', 'cohort', 'tpl'],
]);

const INDEXES: ReadonlySet<string> = new Set(['run', 'echo', 'flip', 'inv', 'split', 'chunk']);

/** Whether an entity of a file name has a wished value. */
export function sameValue(entity: string, wished: string, found: string): boolean {
  if (wished === found) return true;
  const areNumbers = /^\d+$/.test(wished) && /^\d+$/.test(found);
  return INDEXES.has(entity) && areNumbers && Number(wished) === Number(found);
}
