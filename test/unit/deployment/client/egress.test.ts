import { appendFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { renderEgressPlan } from '../../../../src/output/egress-text.ts';
import { sha256 } from '../../../../src/runtime/base/digest.ts';
import {
  EGRESS_KINDS,
  type Egress,
  EgressLedger,
  takeOpenSums,
} from '../../../../src/runtime/deployment/client/ledger/egress-ledger.ts';
import { planEgress } from '../../../../src/runtime/deployment/client/ledger/egress-plan.ts';
import { reportEgress } from '../../../../src/runtime/deployment/client/ledger/egress-report.ts';
import {
  type ClientFolder,
  clientFolder,
} from '../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { readBundle } from '../../../../src/runtime/job/bundle.ts';
import { openKit } from '../../../../src/runtime/security/kit/open.ts';
import { logKey } from '../../../../src/runtime/security/log-key.ts';
import {
  type LogKey,
  openChainedLog,
  readChainedLog,
  verifyChainedLog,
} from '../../../../src/runtime/security/logs/chained-log.ts';
import { sitePolicySchema } from '../../../../src/runtime/security/policy/site-policy.ts';
import { makeFederation } from '../../../support/federation-kits.ts';
import { type JobPatch, writeJob } from '../../../support/job-folder.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const JOB = '11111111-2222-4333-8444-555555555555';
const OTHER = '99999999-2222-4333-8444-555555555555';
let key: LogKey;
let folder: ClientFolder;
let count = 0;

beforeAll(async () => {
  key = logKey(await openKit((await makeFederation(join(root, 'kits'))).kit('site-1'), 'client'));
});

beforeEach(async () => {
  folder = clientFolder(join(root, String(count++)));
  await mkdir(folder.root);
});

afterEach(() => {
  vi.useRealTimers();
});

const open = async () =>
  new EgressLedger(
    await openChainedLog<Egress>(folder.egress, key),
    folder.egressOpen,
    (await takeOpenSums(folder.egressOpen)).sums,
  );
const entries = () => Array.fromAsync(readChainedLog(folder.egress));

describe('the egress ledger', () => {
  it('has a line on disk before what it says leaves', async () => {
    const ledger = await open();
    const update = {
      what: 'update',
      bytes: 1000,
      job: JOB,
      task: 'train/3/site-1',
      sha256: sha256('x'),
    } as const;
    await ledger.record(update);
    expect(await entries()).toMatchObject([update]);
    await ledger.close();
  });

  it('adds small things up to a line a minute', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const ledger = await open();
    for (let times = 0; times < 20; times++) ledger.addUp('signs of life', 100);
    ledger.addUp('progress', 7);
    expect(await entries()).toEqual([]);
    vi.advanceTimersByTime(60_000);
    await expect.poll(entries).toMatchObject([
      { what: 'signs of life', bytes: 2000, requests: 20 },
      { what: 'progress', bytes: 7, requests: 1 },
    ]);
    vi.advanceTimersByTime(60_000);
    await ledger.close();
    expect(await entries()).toHaveLength(2);
  });

  it('has what was added up when it is closed, and is whole', async () => {
    const ledger = await open();
    ledger.addUp('registration', 300);
    await Promise.all(
      [1, 2, 3].map((round) =>
        ledger.record({ what: 'figures', bytes: 10, job: JOB, task: `train/${round}/site-1` }),
      ),
    );
    ledger.addUp('registration', 300);
    await ledger.close();
    expect((await entries()).at(-1)).toMatchObject({ what: 'registration', bytes: 600, requests: 2 });
    expect((await verifyChainedLog(folder.egress, key.isSigned)).findings).toEqual([]);
  });

  it('keeps what was added up of a client that was killed', async () => {
    const killed = await open();
    killed.addUp('registration', 300);
    killed.addUp('signs of life', 100);
    expect((await reportEgress(folder)).sums.map(({ what, bytes }) => [what, bytes])).toEqual([
      ['registration', 300],
      ['signs of life', 100],
    ]);
    const next = await open();
    next.addUp('signs of life', 100);
    await next.close();
    expect(await reportEgress(folder)).toMatchObject({ bytes: 500 });
    expect(await entries()).toMatchObject([{ what: 'registration' }, { what: 'signs of life', requests: 2 }]);
  });

  it('goes on where the client was stopped', async () => {
    for (let start = 0; start < 2; start++) {
      const ledger = await open();
      await ledger.record({ what: 'decision', bytes: 1, job: JOB });
      await ledger.close();
    }
    expect((await entries()).map(({ seq }) => seq)).toEqual([1, 2]);
  });
});

describe('the report of what left', () => {
  const write = async (...all: Egress[]) => {
    const ledger = await open();
    for (const one of all) await ledger.record(one);
    await ledger.close();
  };

  it('adds up requests and bytes by job and kind', async () => {
    await write(
      { what: 'update', bytes: 100, job: JOB, task: 'train/1/site-1' },
      { what: 'update', bytes: 150, job: JOB, task: 'train/2/site-1' },
      { what: 'figures', bytes: 10, job: JOB, task: 'train/1/site-1' },
      { what: 'update', bytes: 7, job: OTHER, task: 'train/1/site-1' },
      { what: 'signs of life', bytes: 2000, requests: 20 },
    );
    const report = await reportEgress(folder);
    expect(report.sums.map(({ job, what, requests, bytes }) => [job, what, requests, bytes])).toEqual([
      [null, 'signs of life', 20, 2000],
      [JOB, 'figures', 1, 10],
      [JOB, 'update', 2, 250],
      [OTHER, 'update', 1, 7],
    ]);
    expect(report).toMatchObject({ ledger: folder.egress, bytes: 2267 });
    expect(report.sums[1]?.content).toBe(EGRESS_KINDS.figures);
    const times = (await entries()).map(({ time }) => time);
    expect([report.first, report.last]).toEqual([times[0], times.at(-1)]);
  });

  it.each([JOB, JOB.slice(0, 4)])('may be of one job: %s', async (job) => {
    await write(
      { what: 'update', bytes: 100, job: JOB },
      { what: 'update', bytes: 7, job: OTHER },
      { what: 'signs of life', bytes: 1 },
    );
    expect((await reportEgress(folder, { job })).sums).toMatchObject([{ job: JOB, bytes: 100 }]);
  });

  it('of a job that sent nothing, or an empty ledger, is empty', async () => {
    await write();
    const empty = { sums: [], bytes: 0, first: null, last: null };
    expect(await reportEgress(folder)).toMatchObject(empty);
    await write({ what: 'update', bytes: 100, job: JOB });
    expect(await reportEgress(folder, { job: 'ffff' })).toMatchObject(empty);
  });

  it('leaves out what is no entry', async () => {
    await write({ what: 'update', bytes: 100, job: JOB });
    await appendFile(folder.egress, 'what?\n{"what":"images","bytes":1}\n{"seq":1');
    expect((await reportEgress(folder)).bytes).toBe(100);
  });

  it('is none where no client has run', async () => {
    await expect(reportEgress(folder)).rejects.toMatchObject({
      code: 'NF_EGRESS_NONE',
      message: expect.stringContaining(folder.root),
    });
  });
});

describe('the plan of what would leave', () => {
  const policy = (over: object = {}) => sitePolicySchema.parse({ version: 1, ...over });
  const plan = async (patch: JobPatch = {}, over: object = {}) =>
    planEgress(await writeJob(join(folder.root, 'job'), { patch }), { folder, policy: policy(over) });

  it('names arrays, rounds and bytes of the updates', async () => {
    const planned = await plan({ workflow: { num_rounds: 5 } });
    expect(planned).toMatchObject({
      job: 'tiny',
      rounds: 5,
      arrays: [{ name: 'weights', dtype: 'float32', shape: [4] }],
      code_sha256: (await readBundle(join(folder.root, 'job'))).codeSha256,
    });
    const update = planned.parts.find(({ what }) => what === 'update');
    // 4 numbers of 4 bytes, and the header of a safetensors file, 5 times.
    expect(update?.bytes).toBe(5 * 88);
    expect(update?.requests).toContain('5 rounds, 4 numbers');
  });

  it('says what protects each line of a job whose updates are summed up in secret', async () => {
    const planned = await plan({
      workflow: { type: 'scaffold', n_clients: 3, num_rounds: 5 },
      secure_aggregation: {},
    });
    const kinds = planned.parts.map(({ what }) => what);
    expect(kinds).toEqual(expect.arrayContaining(['keys', 'shares', 'agreement', 'unmasking', 'figures']));
    expect(kinds).not.toContain('update');
    const of = (what: string) => planned.parts.find((part) => part.what === what);
    // 4 numbers of 4 bytes each, whatever type the model has, in a header that says so.
    expect(of('masked update')).toMatchObject({
      bytes: 2 * 5 * 88,
      requests: expect.stringContaining('5 rounds'),
      protected_by: expect.stringContaining('masks'),
    });
    expect(of('figures')?.protected_by).toBeNull();
  });

  it('counts what a workflow asks for beside the model', async () => {
    const planned = await plan({ workflow: { type: 'scaffold', num_rounds: 5 } });
    const update = planned.parts.find(({ what }) => what === 'update');
    expect(update).toMatchObject({ bytes: 2 * 5 * 88, requests: expect.stringContaining('model, control') });
  });

  it.each([
    // Two rounds and the last score; beside it two rounds alone, three steps and two scores, or two models in each round.
    ['models of its own', { personalize_rounds: 3 }, 7, /models of the site's own/],
    ['models that it chooses from', { type: 'ifca' }, 6, /flare\.saveState/],
  ])('counts the figures of %s, none of which is in an update', async (_, options, more, keeps) => {
    const planned = await plan({ workflow: { num_rounds: 2, ...options } });
    const of = (what: string) => planned.parts.find((part) => part.what === what)?.requests;
    expect(of('figures')).toMatch(new RegExp(`once in each of 3 rounds, and ${more} times for other models`));
    expect(of('update')).toMatch(/^once in each of 2 rounds/);
    expect(planned.keeps.join('\n')).toMatch(keeps);
  });

  it('says what the server gives to other sites, with the figures of their models', async () => {
    const workflow = { n_clients: 3, num_rounds: 2 };
    const figures = (planned: Awaited<ReturnType<typeof plan>>) =>
      planned.parts.find(({ what }) => what === 'figures')?.bytes ?? 0;
    const plain = await plan({ workflow });
    const shared = await plan({ workflow: { ...workflow, cross_site_evaluation: true } });
    expect(plain.goes_on).toEqual([]);
    expect(shared.goes_on).toEqual([expect.stringContaining('workflow.cross_site_evaluation')]);
    // Of three rounds, and of three models.
    expect(figures(shared)).toBe(2 * figures(plain));
  });

  it('leaves out what filters exclude, and names the filters in their order', async () => {
    const arrays = {
      model: {
        initial_params: { weights: { data: [1, 2, 3, 4] }, head: { data: [1] }, norm: { data: [1] } },
      },
    };
    const filters = [{ name: 'exclude_vars', exclude_vars: 'head' }];
    const own = [
      { name: 'norm_clip', max_norm: 2 },
      { name: 'exclude_vars', exclude_vars: ['norm*', 'conv*'] },
    ];
    const planned = await plan({ ...arrays, task_result_filters: filters }, { task_result_filters: own });
    expect(planned.arrays.map(({ name }) => name)).toEqual(['weights']);
    expect(planned.parts.find(({ what }) => what === 'update')?.bytes).toBe(2 * 88);
    expect(planned.keeps).toContain('arrays that filters exclude: head, norm');
    expect(planned.filters.map(({ of, name }) => [of, name])).toEqual([
      ['job', 'exclude_vars'],
      ['site', 'norm_clip'],
      ['site', 'exclude_vars'],
    ]);
    const text = renderEgressPlan(planned);
    expect(text).toContain(`norm_clip {"max_norm":2} (the site's own)`);
    expect(text).toContain(`exclude_vars {"exclude_vars":"head"} (the job's)`);
  });

  it('names the arrays that the job keeps at each site, and counts them in no update', async () => {
    const model = { initial_params: { weights: { data: [1, 2, 3, 4] }, 'bn/mean': { data: [1] } } };
    const planned = await plan({ model, workflow: { local_tensors: ['bn/*'] } });
    expect(planned.arrays.map(({ name }) => name)).toEqual(['weights']);
    expect(planned.parts.find(({ what }) => what === 'update')?.bytes).toBe(2 * 88);
    expect(planned.keeps).toContain("arrays that are the site's own (workflow.local_tensors): bn/mean");
  });

  it('counts what travels of packed updates, and names what packs last', async () => {
    const model = { initial_params: { weights: { shape: [1000], data: 0 } } };
    const bytes = async (...filters: object[]) => {
      const planned = await plan({ model, task_result_filters: filters }, { task_result_filters: [] });
      return planned.parts.find(({ what }) => what === 'update')?.bytes ?? 0;
    };
    const plain = await bytes();
    expect(plain - (await bytes({ name: 'float16' }))).toBeGreaterThan(2 * 1900);
    expect(plain - (await bytes({ name: 'int8' }))).toBeGreaterThan(2 * 2900);
    expect(await bytes({ name: 'top_k', ratio: 0.01 })).toBeLessThan(2 * 260);
    const own = [{ name: 'exclude_vars', exclude_vars: ['conv*'] }];
    const planned = await plan(
      { model, task_result_filters: [{ name: 'int8' }] },
      { task_result_filters: own },
    );
    expect(planned.filters.map(({ of, name }) => [of, name])).toEqual([
      ['site', 'exclude_vars'],
      ['job', 'int8'],
    ]);
    expect(renderEgressPlan(planned)).toContain(`int8 {"rounding":"stochastic"} (the job's)`);
  });

  it('says that tasks fail where filters leave nothing', async () => {
    const own = [{ name: 'exclude_vars', exclude_vars: '*' }];
    const update = (await plan({}, { task_result_filters: own })).parts.find(({ what }) => what === 'update');
    expect(update).toMatchObject({ requests: expect.stringContaining('tasks fail'), bytes: 0 });
  });

  it('knows each kind, and logs only where they may leave', async () => {
    const closed = await plan();
    expect(closed.parts.every(({ what }) => Object.hasOwn(EGRESS_KINDS, what))).toBe(true);
    expect(closed.parts.map(({ what }) => what)).not.toContain('log');
    expect(closed.keeps.join()).toContain('send_logs is false');
    const open = await plan({}, { send_logs: true });
    expect(open.parts.map(({ what }) => what)).toContain('log');
    expect(open.keeps.join()).not.toContain('send_logs');
  });

  it('may be of a model that is built', async () => {
    const model = { initial_params: undefined, type: 'mri-cnn', image_size: 32, num_classes: 4 };
    const planned = await plan({ model });
    expect(planned.arrays.length).toBeGreaterThan(4);
    expect(planned.parts[0]?.bytes).toBeGreaterThan(10_000);
  });

  it('may be of a job that was offered here, by its id', async () => {
    await writeJob(folder.job(JOB).bundle);
    expect((await planEgress(JOB, { folder, policy: policy() })).job).toBe('tiny');
  });

  it.each(['nowhere', OTHER, '../../..', ''])('is refused of what is no job: %j', async (job) => {
    await expect(
      planEgress(job === '../../..' ? root : join(job), { folder, policy: policy() }),
    ).rejects.toMatchObject({
      code: 'NF_JOB_NOT_FOUND',
      exitCode: 4,
    });
  });

  it('is refused of a job with a fault, and leaves nothing behind', async () => {
    await expect(plan({ model: { initial_params: 'none.safetensors' } })).rejects.toMatchObject({
      code: 'NF_JOB_DATA',
    });
    await writeFile(join(folder.root, 'job/job.yaml'), 'a: [');
    const broken = planEgress(join(folder.root, 'job'), { folder, policy: policy() });
    await expect(broken).rejects.toMatchObject({ code: 'NF_JOB_YAML' });
    await expect(stat(folder.jobs)).rejects.toThrow('ENOENT');
  });
});
