import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { sha256 } from '../../../../src/runtime/base/digest.ts';
import type { ErrorReport } from '../../../../src/runtime/base/errors/errors.ts';
import { isFinished, jobStatus, submission } from '../../../../src/runtime/network/messages/admin.ts';
import { fitReport } from '../../../../src/runtime/network/messages/fit-report.ts';
import {
  errorReport,
  packedBundle,
  signatureSchema,
} from '../../../../src/runtime/network/messages/shapes.ts';
import {
  assignment,
  decision,
  logLines,
  pollRequest,
  report,
  revokedAnswer,
  sessionRequest,
  taskFailure,
  taskResult,
  uploadAnswer,
} from '../../../../src/runtime/network/messages/site.ts';
import { signedJob, jobTerms as termsSchema } from '../../../../src/runtime/network/messages/terms.ts';
import { jobTerms } from '../../../support/job-terms.ts';
import { hello } from '../../../support/raw-site.ts';

const DIGEST = sha256('x');
const TIME = '2026-01-01T00:00:00.000Z';
const error: ErrorReport = { code: 'NF_SCRIPT_FAILED', message: 'm', hint: 'h', exitCode: 1 };
const signature = { algorithm: 'ECDSA-P256-SHA256', certificate: 'PEM', signature: 'c2ln' };
const bundle = { files: [{ path: 'job.yaml', content: 'eA==' }] };
const terms = jobTerms();
const id = 'train/1/site-1';
const files = { model: { sha256: DIGEST, size: 1 } };
const task = { id, total_rounds: 2, seed: 7, inputs: files };
const result = {
  task: id,
  attempt: 1,
  encoding: 'safetensors',
  params_type: 'FULL',
  num_examples: 1,
  metrics: {},
  files,
  seconds: 0,
};

/** A good one of each message that is taken from somebody else. */
const MESSAGES: Readonly<Record<string, readonly [schema: z.ZodType, good: Record<string, unknown>]>> = {
  session: [sessionRequest, hello(randomUUID())],
  poll: [
    pollRequest,
    { seen: null, wait_seconds: 3, jobs: [{ job_id: randomUUID(), phase: 'running', task: id }] },
  ],
  assignment: [
    assignment,
    { version: 'v', jobs: [{ job_id: randomUUID(), log_level: 'info', task }], time: TIME },
  ],
  decision: [decision, { answer: 'refused', reason: error }],
  report: [report, { task: id, progress: { done: 1, total: 2 } }],
  log: [logLines, { lines: [{ time: TIME, level: 'info', text: 'x' }] }],
  result: [taskResult, result],
  failure: [taskFailure, { task: id, attempt: 1, error }],
  upload: [uploadAnswer, { offset: 0, done: false }],
  submission: [submission, { terms, bundle, signature }],
  terms: [termsSchema, terms],
  'signed job': [signedJob, { terms, signature, bundle: { sha256: DIGEST, size: 1 } }],
  'list of the revoked': [revokedAnswer, { crl: 'PEM' }],
  bundle: [packedBundle, bundle],
  signature: [signatureSchema, signature],
  error: [errorReport, { ...error, place: { file: 'a', line: 1 } }],
};
const rows = Object.entries(MESSAGES).map(([name, [schema, good]]) => ({ name, schema, good }));

describe('a message', () => {
  it.each(rows)('$name is taken as it should be', ({ schema, good }) => {
    expect(schema.parse(JSON.parse(JSON.stringify(good)))).toEqual(good);
  });

  it.each(rows)('$name is refused with a key of a stranger', ({ schema, good }) => {
    expect(schema.safeParse({ ...good, more: 1 }).success).toBe(false);
  });

  it.each(rows)('$name is refused without what it needs', ({ schema, good }) => {
    const optional = ['reason', 'progress', 'place', 'study'];
    for (const key of Object.keys(good).filter((one) => !optional.includes(one))) {
      const { [key]: _, ...rest } = good;
      expect(schema.safeParse(rest).success, key).toBe(false);
    }
  });

  it.each(rows)('$name is refused as something else', ({ schema }) => {
    for (const value of [null, undefined, [], 'x', 1, true])
      expect(schema.safeParse(value).success).toBe(false);
  });
});

describe('the limits of a message', () => {
  const many = <Item>(count: number, item: Item): Item[] => Array.from({ length: count }, () => item);
  const line = { time: TIME, level: 'info', text: 'x' };
  const file = { path: 'a', content: '' };
  const poll = { seen: null, wait_seconds: 0, jobs: [] };

  it.each<[string, z.ZodType, object, object]>([
    ['seconds of a poll', pollRequest, { ...poll, wait_seconds: 60 }, { ...poll, wait_seconds: 61 }],
    ['what was seen', pollRequest, { ...poll, seen: 'x'.repeat(100) }, { ...poll, seen: 'x'.repeat(101) }],
    [
      'jobs of a poll',
      pollRequest,
      { ...poll, jobs: many(1000, { job_id: randomUUID(), phase: 'idle' }) },
      { ...poll, jobs: many(1001, { job_id: randomUUID(), phase: 'idle' }) },
    ],
    ['lines at a time', logLines, { lines: many(1000, line) }, { lines: many(1001, line) }],
    ['no line', logLines, { lines: [line] }, { lines: [] }],
    [
      'length of a line',
      logLines,
      { lines: [{ ...line, text: 'x'.repeat(10_000) }] },
      { lines: [{ ...line, text: 'x'.repeat(10_001) }] },
    ],
    ['files of a job', packedBundle, { files: many(500, file) }, { files: many(501, file) }],
    ['no file of a job', packedBundle, { files: [file] }, { files: [] }],
    [
      'length of a path',
      packedBundle,
      { files: [{ ...file, path: 'x'.repeat(500) }] },
      { files: [{ ...file, path: 'x'.repeat(501) }] },
    ],
    [
      'content that is no base64',
      packedBundle,
      { files: [{ ...file, content: 'eA==' }] },
      { files: [{ ...file, content: 'e A=' }] },
    ],
    [
      'the id of a job in small letters',
      termsSchema,
      terms,
      { ...terms, job_id: terms.job_id.toUpperCase() },
    ],
    ['sites of a job', termsSchema, { ...terms, clients: ['a'] }, { ...terms, clients: [] }],
    [
      'length of a token',
      submission,
      { ...MESSAGES.submission?.[1], token: 'x'.repeat(128) },
      { ...MESSAGES.submission?.[1], token: 'x'.repeat(129) },
    ],
    [
      'an empty token',
      submission,
      { ...MESSAGES.submission?.[1], token: 'x' },
      { ...MESSAGES.submission?.[1], token: '' },
    ],
    [
      'examples',
      taskResult,
      { ...result, num_examples: 2 ** 53 - 1 },
      { ...result, num_examples: 2 ** 53 + 2 },
    ],
    ['no examples', taskResult, { ...result, num_examples: 0.5 }, { ...result, num_examples: 0 }],
    ['rounds from 1', taskResult, result, { ...result, task: 'train/0/site-1' }],
    ['whole rounds', taskResult, result, { ...result, task: 'train/1.5/site-1' }],
    ['ids of tasks', taskResult, result, { ...result, task: '../1/site-1' }],
    ['names of files', taskResult, result, { ...result, files: { '../x': files.model } }],
    [
      'figures by name',
      taskResult,
      { ...result, metrics: { a: [1, { b: 'x' }] } },
      { ...result, metrics: [1] },
    ],
    [
      'digests in lower case',
      taskResult,
      { ...result, state_sha256: DIGEST },
      { ...result, state_sha256: DIGEST.toUpperCase() },
    ],
    ['known encodings', taskResult, result, { ...result, encoding: 'pickle' }],
    ['known algorithms', signatureSchema, signature, { ...signature, algorithm: 'none' }],
    [
      'a certificate of some size',
      signatureSchema,
      { ...signature, certificate: 'x'.repeat(8000) },
      { ...signature, certificate: 'x'.repeat(8001) },
    ],
    [
      'a site with a core at least',
      sessionRequest,
      hello(randomUUID()),
      { ...hello(randomUUID()), resources: { jobs: 1, cpus: 0, memory_gb: 1, gpus: 0 } },
    ],
    ['an instance that is one', sessionRequest, hello(randomUUID()), hello('me')],
  ])('%s', (_, schema, most, tooMuch) => {
    expect(schema.safeParse(most).error?.issues).toBeUndefined();
    expect(schema.safeParse(tooMuch).success).toBe(false);
  });
});

describe('the report of an error', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('x'.repeat(3_999), 'x'.repeat(4_001), 'ä'.repeat(25_000)),
  );
  const place = fc.record(
    { file: text, line: fc.nat(), key: text, site: text, round: fc.nat(), excerpt: text },
    { requiredKeys: [] },
  );
  const any = fc.record(
    { code: text, message: text, hint: text, exitCode: fc.integer({ min: 1, max: 5 }), place, stack: text },
    { requiredKeys: ['code', 'message', 'hint', 'exitCode'] },
  );

  it('fits its message, whatever its texts', () => {
    fc.assert(
      fc.property(any, (one) => {
        expect(errorReport.safeParse(fitReport(one)).error).toBeUndefined();
      }),
    );
  });

  it('that fits is not touched', () => {
    const one = { ...error, place: { file: 'a', line: 1, excerpt: 'x' }, stack: 'at y' };
    expect(fitReport(one)).toEqual(one);
    expect(fitReport(error)).toEqual(error);
  });
});

describe('the status of a job', () => {
  it.each(jobStatus.options)('%s is finished if it says so', (status) => {
    expect(isFinished(status)).toBe(status.startsWith('FINISHED'));
  });
});
