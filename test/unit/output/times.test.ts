import { describe, expect, it } from 'vitest';
import { renderEgress } from '../../../src/output/egress-text.ts';
import { renderJob, renderJobs } from '../../../src/output/job-text.ts';
import { siteJobLines } from '../../../src/output/site-jobs-text.ts';
import { renderStatus } from '../../../src/output/system-text.ts';
import { flError } from '../../../src/runtime/base/errors/errors.ts';
import type { JobMeta, SystemStatus } from '../../../src/runtime/network/messages/admin.ts';

const at = '2026-11-29T13:32:25.379Z';
const job: JobMeta = {
  job_id: '0b6f0b1e-5a5e-4b8e-9d9a-3d7a2f1c4e5b',
  name: 'hello',
  study: 'default',
  status: 'RUNNING',
  submitter: { name: 'ann@example.org', org: 'university', role: 'lead' },
  submitted: at,
  started: at,
  ended: at,
  seconds: 12,
  num_rounds: 3,
  round: 1,
  min_clients: 2,
  metric: 'accuracy',
  best: null,
  sites: [{ site: 'site-1', answer: 'accepted', connected: true, since: at }],
  waiting: { what: 'site-1', sites: ['site-1'], since: at, rule: '0 of 1 have answered', ends: at },
  error: flError('NF_SITE_STALLED', { site: 'site-1', seconds: 300, since: '2026-11-29T13:32:25Z' }).report(),
  first_failure: null,
  resumed: [{ time: at, by: 'ann@example.org', round: 1, ended_by: 'NF_JOB_ABORTED' }],
  cloned_from: null,
  initial_model: null,
  bundle_sha256: '0'.repeat(64),
  code_sha256: '0'.repeat(64),
};
const status: SystemStatus = {
  server: {
    name: 'hub',
    project: 'brain',
    version: '1.0.0',
    protocol: 1,
    started: at,
    time: at,
    certificate_ends: at,
    days_left: 300,
    jobs_running: 0,
    jobs_waiting: 0,
    max_jobs: 1,
    memory_mb: 1,
    log_level: 'info',
    warnings: [],
  },
  sites: [
    {
      name: 'site-1',
      org: 'hospital',
      connected: true,
      enabled: true,
      address: '10.0.0.7',
      version: '1.0.0',
      engine: null,
      since: at,
      last_seen: at,
      jobs: [],
      resources: null,
    },
  ],
};

/** Everything that looks like a time of day. */
function timesIn(text: string): string[] {
  return text.match(/\S*\d\d:\d\d\S*/g)?.map((time) => time.replace(/[,;.]$/, '')) ?? [];
}

describe('times for people', () => {
  it.each([
    ['jobs', renderJobs([job])],
    ['a job', renderJob(job)],
    ['the status', renderStatus(status)],
    [
      'a job at a site',
      siteJobLines({
        job_id: job.job_id,
        name: 'hello',
        submitter: 'ann',
        org: 'university',
        study: 'default',
        submitted: at,
        expires: at,
        phase: 'idle',
        round: null,
        code_sha256: null,
        folder: 'x',
        files: [],
      }).join('\n'),
    ],
    [
      'what has left',
      renderEgress({
        sums: [{ job: null, what: 'poll', requests: 1, bytes: 1, content: '' }],
        first: at,
        last: at,
        bytes: 1,
        ledger: 'x',
      } as unknown as Parameters<typeof renderEgress>[0]),
    ],
  ])('are in one form: %s', (_, text) => {
    const times = timesIn(text);
    expect(times).not.toEqual([]);
    expect([...new Set(times)]).toEqual(['2026-11-29T13:32:25Z']);
  });
});
