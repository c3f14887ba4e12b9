import { counted } from '../runtime/base/text/counted.ts';
import { timeText } from '../runtime/base/text/time-text.ts';
import type { EgressPlan } from '../runtime/deployment/client/ledger/egress-plan.ts';
import type { EgressReport } from '../runtime/deployment/client/ledger/egress-report.ts';
import { renderTable } from './table.ts';

export function renderEgress({ sums, first, last, bytes, ledger }: EgressReport): string {
  if (sums.length === 0) return 'Nothing has left.';
  const rows = sums.map((sum) => [
    sum.job?.slice(0, 8) ?? '',
    sum.what,
    String(sum.requests),
    String(sum.bytes),
    sum.content,
  ]);
  return [
    renderTable(['job', 'what', 'requests', 'bytes', 'content'], rows),
    `${counted(bytes, 'byte')} in request bodies, ${timeText(first ?? '')} to ${timeText(last ?? '')}. Ledger: ${ledger}`,
  ].join('\n');
}

/** Arrays that are named each; of larger models the rest is counted. */
const MOST_ARRAYS = 12;

export function renderEgressPlan({
  job,
  rounds,
  arrays,
  filters,
  parts,
  goes_on: goesOn,
  keeps,
  code_sha256: code,
}: EgressPlan): string {
  const isProtected = parts.some(({ protected_by: by }) => by !== null);
  const rows = parts.map(({ what, requests, bytes, content, protected_by: by }) => [
    what,
    requests,
    bytes === null ? 'as it comes' : String(bytes),
    content,
    ...(isProtected ? [by ?? ''] : []),
  ]);
  const named = arrays
    .slice(0, MOST_ARRAYS)
    .map(({ name, dtype, shape }) => `  ${name} ${dtype}[${shape.join(', ')}]`);
  const more = arrays.length > MOST_ARRAYS ? [`  and ${arrays.length - MOST_ARRAYS} more`] : [];
  return [
    `If this site takes part in ${job} (${counted(rounds, 'round')}, code ${code.slice(0, 12)}), this leaves it:`,
    '',
    renderTable(['what', 'how often', 'bytes', 'content', ...(isProtected ? ['protected by'] : [])], rows),
    '',
    `An update is ${counted(arrays.length, 'array')}, in full or as differences:`,
    ...named,
    ...more,
    ...(filters.length > 0
      ? ['', 'Before it leaves, filters change it, in this order:', ...filters.map(filterText)]
      : []),
    '',
    ...(goesOn.length > 0 ? ['The server gives on:', ...goesOn.map((text) => `  ${text}`), ''] : []),
    'This stays:',
    ...keeps.map((text) => `  ${text}`),
  ].join('\n');
}

function filterText({ of, name, options }: EgressPlan['filters'][number]): string {
  return `  ${name} ${options} (${of === 'job' ? "the job's" : "the site's own"})`;
}
