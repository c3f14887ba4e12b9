import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256File } from '../../../src/runtime/base/digest.ts';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { cloneJob } from '../../../src/runtime/deployment/admin/clone.ts';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { LiveFederation, until } from '../../support/live-federation.ts';
import { writeModel } from '../../support/model-files.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let admin: Admin;
let count = 0;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'));
  admin = await federation.admin();
});
afterAll(() => federation.close());

const job = (parts: Parameters<typeof writeJob>[1] = {}) => writeJob(join(root, `job-${count++}`), parts);
const ENDLESS = TINY_SCRIPT.replace('const { params }', 'while (true);\n  const { params }');
const never = new AbortController().signal;

describe('a submitted job', () => {
  it('is told of with all that happened', async () => {
    const meta = await federation.run(await job());
    expect(meta).toMatchObject({
      name: 'tiny',
      status: 'FINISHED:COMPLETED',
      study: 'default',
      round: 2,
      num_rounds: 2,
      submitter: { name: 'ann@example.org', org: 'university', role: 'project_admin' },
      best: { model: 2 },
      error: null,
      first_failure: null,
      waiting: null,
    });
    expect(meta.sites.map(({ site, answer }) => [site, answer])).toEqual([
      ['site-1', 'accepted'],
      ['site-2', 'accepted'],
    ]);
    const { events } = await admin.events(meta.job_id, { after: 0, waitSeconds: 0 });
    const answered = [
      'members.chosen',
      'round.opened',
      'result.accepted',
      'result.accepted',
      'round.answered',
    ];
    const trained = [...answered, 'model.made', 'round.closed'];
    const scored = [...answered, 'round.closed'];
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.map(({ event }) => event.type)).toEqual([
      'run.opened',
      'model.initial',
      ...[trained, trained, scored].flat(),
      'run.finished',
    ]);
  });

  it('is told of at the console of its sites, from its coming to its end', async () => {
    await federation.run(await job({ patch: { name: 'told' } }));
    const said = () => federation.said('site-1').filter((line) => line.startsWith('told'));
    await until(() => said().at(-1) === 'told: over here');
    expect(said().map((line) => line.replace(/[\d.]+ s$/, 'N s'))).toEqual([
      'told of ann@example.org: accepted',
      ...['round 1', 'round 2', 'final scoring'].flatMap((stage) => [
        `told: ${stage} begins`,
        `told: ${stage} is done after N s`,
      ]),
      'told: over here',
    ]);
  });

  it('that fails is told of where it failed', async () => {
    const script = TINY_SCRIPT.replace(
      'const { params }',
      `if (flare.siteName() === 'site-1') throw new Error('on purpose');\n  const { params }`,
    );
    await federation.run(await job({ script, patch: { name: 'failing' } }));
    await until(() => federation.said('site-1').includes('failing: over here'));
    expect(federation.said('site-1').filter((line) => line.startsWith('failing: '))).toEqual([
      'failing: round 1 begins',
      "failing: round 1 failed here: NF_SCRIPT_FAILED: The site's script failed: on purpose",
      'failing: over here',
    ]);
  });

  it('is taken once with one token, and not mixed up with another', async () => {
    const path = await job();
    const first = await federation.submit(path, { token: 'tonight' });
    expect(await federation.submit(path, { token: 'tonight' })).toBe(first);
    const other = federation.submit(await job({ patch: { seed: 8 } }), { token: 'tonight' });
    await expect(other).rejects.toMatchObject({ code: 'NF_SUBMIT_TOKEN_CONFLICT', exitCode: 4 });
    expect((await admin.jobs({ token: 'tonight' })).map(({ job_id: id }) => id)).toEqual([first]);
    await federation.wait(first);
  });

  it('is found by the beginning of its id', async () => {
    const id = await federation.submit(await job());
    await federation.wait(id);
    expect((await admin.job(id.slice(0, 8))).job_id).toBe(id);
    await expect(admin.job('00000000')).rejects.toMatchObject({ code: 'NF_JOB_UNKNOWN' });
    await expect(admin.job('a54')).rejects.toThrow(/give at least the first four characters/);
    await expect(admin.job('not an id')).rejects.toMatchObject({ code: 'NF_JOB_UNKNOWN' });
    await expect(admin.job('tiny')).rejects.toMatchObject({
      code: 'NF_JOB_UNKNOWN',
      message: expect.stringContaining('Jobs of that name: '),
    });
  });

  it('is refused before it is sent when it is wrong', async () => {
    const wrong = await job({ script: 'this is no script {' });
    await expect(federation.submit(wrong)).rejects.toMatchObject({ code: 'NF_JOB_SCRIPT_SYNTAX' });
    const strange = await job({ patch: { workflow: { mandatory_clients: ['site-9'] } } });
    const named = federation.submit(strange, { clients: ['site-1', 'site-2'] });
    await expect(named).rejects.toMatchObject({ code: 'NF_JOB_SITES' });
  });

  it('that names a site with a slip is refused, with the nearest of its study', async () => {
    const path = await job();
    await expect(federation.submit(path, { clients: ['site-1', 'site-22'] })).rejects.toMatchObject({
      code: 'NF_SITE_UNKNOWN',
      message: expect.stringContaining("Did you mean 'site-2'"),
    });
  });

  it('begins with a model from outside its folder, and so does its clone', async () => {
    const path = await writeModel(root, 'warm', { weights: float32([10, 20, 30, 40]) });
    const warm = await job({ patch: { model: { initial_params: path } } });
    const meta = await federation.run(warm);
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', initial_model: { size: 88 } });
    const { jobId } = await cloneJob(admin, meta.job_id, { signal: never, onOriginal: () => undefined });
    expect(await federation.wait(jobId)).toMatchObject({
      status: 'FINISHED:COMPLETED',
      cloned_from: meta.job_id,
    });
    expect(await federation.model(jobId)).toEqual(await federation.model(meta.job_id));
  });
});

describe('sites that are named', () => {
  it('go before the number in the job, as in a simulation', async () => {
    const folder = await job({ patch: { workflow: { n_clients: 2 } } });
    const { status, sites } = await federation.run(folder, { clients: ['site-2'] });
    expect(status).toBe('FINISHED:COMPLETED');
    expect(sites.map(({ site }) => site)).toEqual(['site-2']);
  });
});

describe('a script that fails', () => {
  it('is told of first, with site, file and line', async () => {
    const script = TINY_SCRIPT.replace(
      'const { params }',
      `if (flare.siteName() === 'site-2') throw new Error('no such column');
  const { params }`,
    );
    const meta = await federation.run(await job({ script }));
    expect(meta.status).toBe('FINISHED:EXECUTION_EXCEPTION');
    const place = { site: 'site-2', round: 1, file: 'client/train.ts', line: 5 };
    const error = { code: 'NF_SCRIPT_FAILED', message: expect.stringContaining('no such column'), place };
    expect(meta.error).toMatchObject(error);
    expect(meta.first_failure).toMatchObject({ site: 'site-2', round: 1, error });
  });

  it('does not end a job that can do without the site', async () => {
    const script = TINY_SCRIPT.replace(
      'const { params }',
      `if (flare.siteName() === 'site-2') throw new Error('always');
  const { params }`,
    );
    const meta = await federation.run(await job({ script, patch: { workflow: { min_clients: 1 } } }));
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: { site: 'site-2' } });
  });

  it.each([
    ['process.exit(3);', 'NF_SCRIPT_EXITED'],
    ['await new Promise(() => undefined);', 'NF_SCRIPT_TIMEOUT'],
    ['while (true);', 'NF_SCRIPT_TIMEOUT'],
    [`import { nothing } from './missing.ts';`, 'NF_SCRIPT_LOAD'],
  ])('by %s is named', async (script, code) => {
    const isSlow = code === 'NF_SCRIPT_TIMEOUT';
    const path = await job({ script, ...(isSlow && { patch: { executor: { task_timeout: 1 } } }) });
    expect((await federation.run(path)).first_failure).toMatchObject({ error: { code } });
  });
});

describe('an abort', () => {
  it('ends an endless script, for good', async () => {
    const id = await federation.submit(await job({ script: ENDLESS }));
    await until(async () => (await admin.job(id)).sites.every(({ phase }) => phase === 'running'));
    await admin.abort(id);
    const meta = await federation.wait(id);
    expect(meta).toMatchObject({
      status: 'FINISHED:ABORTED',
      error: { code: 'NF_JOB_ABORTED', message: expect.stringContaining('ann@example.org') },
    });
    await until(async () => (await admin.status()).sites.every(({ jobs }) => jobs.length === 0));
    await expect(admin.abort(id)).rejects.toMatchObject({ code: 'NF_JOB_OVER' });
  });

  it('keeps the last model', async () => {
    const script = TINY_SCRIPT.replace(
      'const { params }',
      `const { currentRound } = { currentRound: 0, ...(await flare.receive()) };
  if (currentRound === 2) await new Promise(() => undefined);
  const { params }`,
    ).replace(
      'const { params } = await flare.receive();',
      'const params = { weights: { dtype: "float32", shape: [4], data: new Float32Array(4) } };',
    );
    const id = await federation.submit(await job({ script }));
    await until(async () => (await admin.job(id)).round === 1);
    await admin.abort(id);
    await federation.wait(id);
    const folder = await federation.download(id, join(root, 'aborted'));
    expect(readFileSync(join(folder, 'last_model.safetensors')).length).toBeGreaterThan(0);
  });
});

describe('the results of a job', () => {
  it('come as a simulation leaves them, whole', async () => {
    const { job_id: id } = await federation.run(await job());
    const folder = await federation.download(id, join(root, 'download'));
    const { files } = await admin.files(id);
    expect(files.map(({ path }) => path)).toEqual([
      'best_model.safetensors',
      'bundle/client/train.ts',
      'bundle/job.yaml',
      'events.jsonl',
      'metrics.json',
      'model.safetensors',
      'round_metrics.jsonl',
      'run.json',
    ]);
    for (const { path, sha256 } of files) expect(await sha256File(join(folder, path))).toBe(sha256);
    const metrics = JSON.parse(await readFile(join(folder, 'metrics.json'), 'utf8'));
    expect(metrics).toMatchObject({ job: 'tiny', status: 'finished', run_folder: '.', rounds: 2 });
    await expect(federation.download(id, folder)).rejects.toMatchObject({ code: 'NF_DOWNLOAD_EXISTS' });
  });

  it('are taken from an earlier try by their digest alone, and nothing else of it comes along', async () => {
    const { job_id: id } = await federation.run(await job());
    const { files } = await admin.files(id);
    const partial = join(root, 'stale.partial');
    const outside = join(root, 'outside');
    await mkdir(join(partial, 'bundle', 'other'), { recursive: true });
    await mkdir(outside);
    const model = files.find(({ path }) => path === 'model.safetensors');
    await writeFile(join(partial, 'model.safetensors'), Buffer.alloc(model?.size ?? 0));
    await writeFile(join(partial, `metrics.json.${'0'.repeat(16)}.part`), 'half a file of other bytes');
    await writeFile(join(partial, 'notes.txt'), 'of somebody else');
    await writeFile(join(partial, 'bundle', 'other', 'notes.txt'), 'of somebody else');
    await mkdir(join(partial, 'run.json'));
    await symlink(outside, join(partial, 'bundle', 'client'));
    const folder = await federation.download(id, join(root, 'stale'));
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    const names = found
      .filter((entry) => !entry.isDirectory())
      .map(({ parentPath, name }) => join(parentPath, name));
    expect(names.sort()).toEqual(files.map(({ path }) => join(folder, path)).sort());
    for (const { path, sha256 } of files) expect(await sha256File(join(folder, path))).toBe(sha256);
    expect(await readdir(outside)).toEqual([]);
  });

  it('are not there before it is over, and gone when it is deleted', async () => {
    const id = await federation.submit(await job({ script: ENDLESS }));
    await expect(admin.files(id)).rejects.toMatchObject({ code: 'NF_JOB_NOT_OVER' });
    await expect(admin.delete(id)).rejects.toMatchObject({ code: 'NF_JOB_NOT_OVER' });
    await admin.abort(id);
    await federation.wait(id);
    await admin.delete(id);
    await expect(admin.job(id)).rejects.toMatchObject({ code: 'NF_JOB_UNKNOWN' });
  });
});

describe('logs', () => {
  const TALKING = TINY_SCRIPT.replace('const { params }', `console.log('round begins');\n  const { params }`);

  it('stay at a site that does not let them out, and it is said so', async () => {
    const { job_id: id } = await federation.run(await job({ script: TALKING }));
    const { lines, missing } = await admin.logs(id, {});
    expect(new Set(lines.map(({ site }) => site))).toEqual(new Set(['server']));
    expect(lines.map(({ text }) => text).join('\n')).toContain('round 1 (train) opened with site-1, site-2');
    expect(missing.map(({ site }) => site)).toEqual(['site-1', 'site-2']);
  });

  it('come from a site that does, by site, tail and time', async () => {
    await federation.kits.changeFile('site-1', 'local/site-policy.yml', {
      'send_logs: false': 'send_logs: true',
    });
    const { job_id: id } = await federation.run(await job({ script: TALKING }));
    const of = async (filter: Parameters<Admin['logs']>[1]) => (await admin.logs(id, filter)).lines;
    await until(async () => (await of({ site: 'site-1' })).length === 3);
    const lines = await of({ site: 'site-1' });
    expect(lines.map(({ site, level, text }) => [site, level, text])).toEqual(
      Array(3).fill(['site-1', 'info', 'round begins']),
    );
    expect(await of({ site: 'site-1', tail: 1 })).toEqual(lines.slice(-1));
    expect(await of({ site: 'site-1', since: lines[1]?.time ?? '' })).toEqual(lines.slice(1));
    expect((await of({})).length).toBeGreaterThan(lines.length);
    await federation.kits.changeFile('site-1', 'local/site-policy.yml', {
      'send_logs: true': 'send_logs: false',
    });
  });
});

describe('a running job', () => {
  it('tells what it moves and how far its sites are', async () => {
    const script = TINY_SCRIPT.replace(
      'const { params }',
      `if (flare.isEvaluate()) await new Promise((resolve) => setTimeout(resolve, 1500));\n  const { params }`,
    );
    const id = await federation.submit(await job({ script }));
    await until(async () => (await admin.job(id)).round === 2);
    const stats = await admin.stats(id);
    expect(stats.rounds_closed).toBe(2);
    for (const site of stats.sites) {
      expect(site).toMatchObject({ results: 2, bytes_in: 2 * 88 });
      expect(site.bytes_out).toBeGreaterThan(2 * 88);
    }
    await until(async () => (await admin.job(id)).waiting?.sites.length === 2);
    expect((await admin.job(id)).waiting).toMatchObject({
      round: 3,
      sites: ['site-1', 'site-2'],
      rule: '0 of 2 have answered, 2 are needed',
    });
    await admin.setJobLogLevel(id, 'debug');
    await federation.wait(id);
    await expect(admin.abort(id)).rejects.toMatchObject({
      code: 'NF_JOB_OVER',
      hint: expect.not.stringContaining('clone'),
    });
    const ended = await admin.stats(id);
    expect(ended).toMatchObject({ rounds_closed: 2, aggregation_seconds: expect.any(Number) });
    expect(ended.sites).toMatchObject(
      ['site-1', 'site-2'].map((site) => ({ site, results: 3, bytes_in: 2 * 88 })),
    );
  });
});
