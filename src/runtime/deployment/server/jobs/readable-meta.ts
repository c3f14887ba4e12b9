import { type JobMeta, jobMeta } from '../../../network/messages/admin.ts';

/** What stands for a part of a record that is none: there is something to list, and its note says what is missing. */
const UNREADABLE = {
  name: 'unreadable',
  study: 'unreadable',
  status: 'FINISHED:EXECUTION_EXCEPTION',
  submitter: { name: 'unreadable', org: 'unreadable' },
  submitted: new Date(0).toISOString(),
  started: null,
  ended: null,
  seconds: null,
  num_rounds: 0,
  round: 0,
  min_clients: null,
  metric: 'unreadable',
  best: null,
  sites: [],
  waiting: null,
  error: null,
  first_failure: null,
  cloned_from: null,
  initial_model: null,
  bundle_sha256: '0'.repeat(64),
  code_sha256: '0'.repeat(64),
} satisfies Omit<JobMeta, 'job_id' | 'note'>;

/**
 * A job as its schema has it, whatever its record holds: one that an earlier version wrote, or that holds a number that is none, hides
 * neither itself nor the others of a list. `damaged`: parts of the record that could not be read.
 */
export function readableMeta(meta: JobMeta, damaged: readonly string[] = []): JobMeta {
  const { success, error } = jobMeta.safeParse(meta);
  if (success && damaged.length === 0) return meta;
  const wrong = new Set(error?.issues.map(({ path: [key] }) => String(key)));
  const all = [...new Set([...damaged, ...wrong])].sort();
  const parts = Object.entries(UNREADABLE).filter(([key]) => wrong.has(key));
  return {
    ...meta,
    ...Object.fromEntries(parts),
    note: `of its record these cannot be read: ${all.join(', ')}`,
  };
}
