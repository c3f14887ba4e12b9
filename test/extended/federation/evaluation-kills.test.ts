import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { submitEvaluation } from '../../../src/runtime/deployment/admin/evaluate-job.ts';
import { isFinished } from '../../../src/runtime/network/messages/admin.ts';
import { until } from '../../support/live-federation.ts';
import { ProcessFederation, type ProcessStart } from '../../support/process-federation.ts';
import { makeSpotJob } from '../../support/spot-job.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const cwd = tempFolder();
const SITES = ['site-1', 'site-2'];
let federation: ProcessFederation;
/** Of the job that trains. */
let trained: string;
/** What the sites told of its last model, when nothing was killed. */
let told: unknown;

const startOf = (name: string): ProcessStart =>
  name === 'hub' ? {} : { flags: ['--data', join(cwd, 'site-data', name)] };

const toldIn = (id: string): unknown =>
  JSON.parse(readFileSync(join(federation.state, 'jobs', id, 'federated_evaluation.json'), 'utf8'));

beforeAll(async () => {
  await makeSpotJob(cwd);
  federation = await ProcessFederation.make(join(cwd, 'kits'), { clients: SITES.length });
  await federation.startAll(SITES.length, Object.fromEntries(SITES.map((site) => [site, startOf(site)])));
  trained = await federation.submit(join(cwd, 'job'));
  expect(await federation.wait(trained)).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: null });
  told = toldIn(trained);
}, 480_000);
afterAll(() => federation.close());

/** Has the sites judge the model. */
async function judge(): Promise<string> {
  const { signal } = new AbortController();
  const wish = { which: 'final', onOriginal: () => undefined, signal } as const;
  return (await submitEvaluation(federation.admin, trained, wish)).jobId;
}

async function isAsUndisturbed(id: string): Promise<void> {
  expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: null });
  expect(toldIn(id)).toEqual(told);
}

describe('an evaluation at the sites', () => {
  it.each([
    // Between the losses by temperature and the sums, when the added losses are kept, in the midst of the sums, and of the results.
    ['hub', 'result.accepted:after@2'],
    ['hub', 'model.kept'],
    ['hub', 'result.accepted:before@3'],
    ['hub', 'job:results'],
    ['site-1', 'client:computed'],
    ['site-1', 'client:outbox@2'],
    ['site-2', 'client:acknowledged'],
  ])('of which %s is killed at %s comes to the same sums', async (name, point) => {
    await federation.kill(name);
    const start = startOf(name);
    federation.start(name, { ...start, env: { NEUROFLARE_FAULT: point } });
    await federation.connected(SITES.length);
    const id = await judge();
    expect(await federation.ended(name)).toMatchObject({ signal: 'SIGKILL' });
    federation.start(name, start);
    await federation.answers();
    await isAsUndisturbed(id);
  });

  it('of which the process of a job is killed comes to the same sums', async () => {
    const id = await judge();
    const isOver = async () => isFinished((await federation.admin.job(id)).status);
    await until(async () => federation.jobProcess('site-2') !== undefined || (await isOver()));
    const left = federation.jobProcess('site-2');
    if (left !== undefined) process.kill(left, 'SIGKILL');
    await isAsUndisturbed(id);
  });
});
