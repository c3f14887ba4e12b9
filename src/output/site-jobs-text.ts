import { timeText } from '../runtime/base/text/time-text.ts';
import type { ListedJob } from '../runtime/deployment/client/site-desk.ts';
import { sizeText } from './size-text.ts';
import { renderTable } from './table.ts';

/** A job at a site, as somebody should see it before its code runs: a line each. */
export function siteJobLines(job: ListedJob): string[] {
  const signed =
    job.submitted === null || job.expires === null
      ? ''
      : `, signed ${timeText(job.submitted)}, good until ${timeText(job.expires)}`;
  const round = job.round === null ? '' : `, round ${job.round}`;
  const files = job.files.map(({ path, type, size }) => [path, type, sizeText(size)]);
  return [
    `${job.name ?? 'not fetched yet'}  ${job.job_id}`,
    ...(job.submitter === null
      ? []
      : [`  by ${job.submitter} (${job.org}), study ${job.study ?? '?'}${signed}`]),
    `  ${job.phase}${round}`,
    ...(job.code_sha256 === null ? [] : [`  code ${job.code_sha256}`]),
    ...(files.length === 0 ? [] : [`  files in ${job.folder}/bundle:`]),
    ...(files.length === 0
      ? []
      : renderTable(['file', 'type', 'size'], files)
          .split('\n')
          .map((line) => `    ${line}`)),
  ];
}
