import { counted } from '../runtime/base/text/counted.ts';
import { timeText } from '../runtime/base/text/time-text.ts';
import type {
  PrivacyFindings,
  PrivacyLedgerReport,
} from '../runtime/deployment/client/budget/ledger-report.ts';
import { renderTable } from './table.ts';

/** What people at a site have lost, to people there. */
export function renderPrivacyLedger({ site, budget, spent, left, jobs }: PrivacyLedgerReport): string {
  const all = spent === null ? 'without end' : spent.toFixed(2);
  const rows = jobs.map((job) => [
    job.name,
    job.job,
    job.epsilon === null ? 'without end' : job.epsilon.toFixed(2),
    String(job.steps),
    String(job.charged),
    String(job.open),
    String(job.given_back),
    job.last === null ? '' : timeText(job.last),
  ]);
  return [
    `Each person at ${site} has lost epsilon ${all} of ${budget.epsilon} at delta ${budget.delta}; ${left.toFixed(2)} is left.`,
    ...(budget.per_job_epsilon === null ? [] : [`No job may promise more than ${budget.per_job_epsilon}.`]),
    ...(budget.required ? ['Private jobs alone are taken.'] : []),
    ...(jobs.length === 0
      ? ['No private job has run here.']
      : [
          renderTable(['job', 'id', 'epsilon alone', 'steps', 'charged', 'open', 'given back', 'last'], rows),
        ]),
  ].join('\n');
}

export function renderPrivacyFindings({ ledger, entries, answers, findings }: PrivacyFindings): string {
  const what = `${ledger}: ${counted(entries, 'entry', 'entries')}, ${counted(answers, 'update')} of private jobs left`;
  return [
    `${what}: ${findings.length === 0 ? 'whole, and each was charged once' : 'NOT WHOLE'}`,
    ...findings.map(({ where, problem }) => `  ${where}: ${problem}`),
  ].join('\n');
}
