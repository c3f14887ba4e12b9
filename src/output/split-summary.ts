import { PARTITIONS } from '../preprocess/split/manifest.ts';
import type { SplitResult } from '../preprocess/split/result.ts';
import { counted } from '../runtime/base/text/counted.ts';
import { shellWord } from '../runtime/base/text/shell-word.ts';
import { renderTable } from './table.ts';

/** Which site got how much of what, for people. */
export function renderSplit(result: SplitResult, bids: string): string {
  const rows = result.sites.map((site) => [
    site.name,
    ...PARTITIONS.map((part) => String(site[part])),
    mix(site.classes.train),
  ]);
  const reasons = Object.entries(Object.groupBy(result.left_out, ({ reason }) => reason));
  return [
    renderTable(['site', ...PARTITIONS, 'classes in training'], rows),
    `${counted(result.groups.count, 'group')}, largest ${result.groups.largest}; each at one site, in one part`,
    ...reasons.map(([reason, left]) => `${left?.length} left out: ${reason}`),
    ...result.warnings.map((warning) => `warning: ${warning}`),
    `Split: ${result.split}`,
    ...(result.materialized === null ? [] : [`Trees: ${result.materialized}`]),
    `Next: neuroflare job create FOLDER --template mri-fedavg --set ${shellWord(`data=${bids}`)} --set ${shellWord(`split=${result.split}`)}`,
  ].join('\n');
}

function mix(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([label, count]) => `${label} ${count}`)
    .join(', ');
}
