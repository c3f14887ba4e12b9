import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readableMeta } from '../../../../../src/runtime/deployment/server/jobs/readable-meta.ts';
import { type JobMeta, jobMeta } from '../../../../../src/runtime/network/messages/admin.ts';

const meta: JobMeta = {
  job_id: randomUUID(),
  name: 'glioma',
  study: 'default',
  status: 'FINISHED:COMPLETED',
  submitter: { name: 'lea@example.org', org: 'university' },
  submitted: '2026-01-01T00:00:00.000Z',
  started: null,
  ended: null,
  seconds: null,
  num_rounds: 3,
  round: 3,
  min_clients: null,
  metric: 'accuracy',
  best: { model: 1, value: 0.5 },
  sites: [],
  waiting: null,
  error: null,
  first_failure: null,
  cloned_from: null,
  initial_model: null,
  bundle_sha256: 'a'.repeat(64),
  code_sha256: 'b'.repeat(64),
};

describe('a job in a list', () => {
  it('is as its record has it', () => {
    expect(readableMeta(meta)).toBe(meta);
  });

  it.each<[string, object, string]>([
    ['a figure that is no number', { best: { model: 1, value: Number.POSITIVE_INFINITY } }, 'best'],
    ['a figure that a log could not hold', { best: { model: 1, value: null } }, 'best'],
    ['a time that is none', { started: 'yesterday', seconds: Number.NaN }, 'seconds, started'],
    ['a status of another version', { status: 'PAUSED' }, 'status'],
    ['an error of another form', { error: { code: 5 } }, 'error'],
    ['a name of any length', { name: 'x'.repeat(1000) }, 'name'],
  ])('with %s is listed all the same, and says so', (_, wrong, parts) => {
    const shown = readableMeta({ ...meta, ...wrong });
    expect(jobMeta.safeParse(shown).error?.issues).toBeUndefined();
    expect(shown).toMatchObject({
      job_id: meta.job_id,
      note: `of its record these cannot be read: ${parts}`,
    });
  });

  it('can be listed without anything but its id', () => {
    const shown = readableMeta({ job_id: meta.job_id } as JobMeta);
    expect(jobMeta.safeParse(shown).error?.issues).toBeUndefined();
  });
});
