import { PARTITIONS } from '../preprocess/split/manifest.ts';
import type { SplitResult } from '../preprocess/split/result.ts';
import { compareText } from '../runtime/base/text/compare-text.ts';
import { counted } from '../runtime/base/text/counted.ts';
import { shellWord } from '../runtime/base/text/shell-word.ts';
import { renderTable } from './table.ts';
import { unlikenessLines } from './unlikeness-text.ts';

/** Which site got how much of what, for people. */
export function renderSplit(result: SplitResult, bids: string): string {
  const unlike = new Map(result.heterogeneity.sites.map((site) => [site.name, site.from_others]));
  const rows = result.sites.map((site) => [
    site.name,
    ...PARTITIONS.map((part) => String(site[part])),
    unlike.get(site.name)?.jensen_shannon.toFixed(2) ?? '-',
    mix(site.classes.train),
  ]);
  const reasons = Object.entries(Object.groupBy(result.left_out, ({ reason }) => reason));
  const { channels } = result.selection;
  const settings = [
    `data=${bids}`,
    `split=${result.split}`,
    `classes=${classList(result)}`,
    ...(channels ? [`model.channels=${channels.length}`] : []),
  ];
  return [
    renderTable(['site', ...PARTITIONS, 'unlike others', 'classes in training'], rows),
    `${counted(result.groups.count, 'group')}, largest ${result.groups.largest}; each at one site, in one part`,
    ...unlikenessLines(result.heterogeneity),
    ...reasons.map(([reason, left]) => `${left?.length} left out: ${reason}`),
    ...result.warnings.map((warning) => `warning: ${warning}`),
    `Split: ${result.split}`,
    ...(result.report === null ? [] : [`Report: ${result.report}`]),
    ...(result.materialized === null ? [] : [`Trees: ${result.materialized}`]),
    ['Next: neuroflare job create FOLDER --template mri-fedavg', ...settings.map(asFlag)].join(' '),
  ].join('\n');
}

function asFlag(setting: string): string {
  return `--set ${shellWord(setting)}`;
}

/** As --set takes a list, whatever its names. */
function classList({ sites }: SplitResult): string {
  const counts = sites.flatMap(({ classes }) => PARTITIONS.map((part) => classes[part]));
  const names = [...new Set(counts.flatMap((count) => Object.keys(count)))].sort(compareText);
  const isPlain = names.every(
    (name) => /^[A-Za-z][A-Za-z0-9_-]*$/.test(name) && !/^(true|false|null)$/i.test(name),
  );
  return isPlain ? `[${names.join(',')}]` : JSON.stringify(names);
}

function mix(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([label, count]) => `${label} ${count}`)
    .join(', ');
}
