import { join } from 'node:path';
import type { ImportOptions } from '../../src/preprocess/dicom/import/run-import.ts';

/** An import of `root/in` by `root/map.yaml` to `root/bids`, with the key in `root/keys`, unless more is said. */
export function importOptions(root: string, more: Partial<ImportOptions> = {}): ImportOptions {
  return {
    source: join(root, 'in'),
    target: join(root, 'bids'),
    map: join(root, 'map.yaml'),
    keyFile: join(root, 'keys', 'site.key'),
    name: 'Heads',
    license: 'CC0-1.0',
    authors: [],
    jobs: 1,
    skipBad: false,
    dryRun: false,
    deface: false,
    signal: new AbortController().signal,
    ...more,
  };
}
