import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toNeuroflareError } from '../../../src/runtime/base/errors/errors.ts';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let admin: Admin;
/** Two jobs that are over: the first is damaged, the second must not notice. */
let job = '';
let other = '';
let whole = '';
let count = 0;

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits'), { clients: 1 }));
  await federation.startServer();
  await federation.startClient('site-1');
  await federation.connected(1);
  admin = await federation.admin();
  const one = { patch: { workflow: { n_clients: 1 } } };
  job = await federation.submit(await writeJob(join(root, 'job'), one));
  await federation.wait(job);
  other = await federation.submit(await writeJob(join(root, 'other'), one));
  await federation.wait(other);
  whole = join(root, 'whole');
  await cp(folderOf(job), whole, { recursive: true });
}, 120_000);
afterAll(() => federation.close());

const folderOf = (id: string) => join(federation.state, 'jobs', id);

const DAMAGES: Record<string, (path: string) => Promise<unknown>> = {
  empty: (path) => truncate(path, 0),
  half: async (path) => truncate(path, Math.floor((await readFile(path)).length / 2)),
  'other JSON': (path) => writeFile(path, '[1]'),
  'of the same length': async (path) => writeFile(path, Buffer.alloc((await readFile(path)).length, 7)),
  removed: (path) => rm(path),
  'a folder in its place': async (path) => {
    await rm(path);
    await mkdir(path);
  },
};
const RESULTS = ['run.json', 'events.jsonl', 'metrics.json', 'round_metrics.jsonl', 'model.safetensors'];
const CASES = [...RESULTS, 'best_model.safetensors', 'bundle/job.yaml', 'bundle/client/train.ts'].flatMap(
  (file) => Object.keys(DAMAGES).map((damage) => [file, damage] as const),
);

/** Everything an admin may ask of a finished job; codes of what was refused. */
async function askedFor(id: string): Promise<string[]> {
  const answers = await Promise.allSettled([
    admin.job(id),
    admin.jobs({}),
    admin.files(id),
    admin.logs(id, { site: 'all', tail: 100 }),
    admin.stats(id),
  ]);
  return answers.flatMap((answer) =>
    answer.status === 'rejected' ? toNeuroflareError(answer.reason).code : [],
  );
}

describe('a finished job of which a disk has damaged a file', () => {
  it('is whole before', async () => {
    const { files, damaged } = await admin.files(job);
    expect(damaged).toEqual([]);
    expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining(RESULTS));
    await federation.download(job, join(root, 'sound'));
  });

  it.each(CASES)('%s, %s: is told to whoever asks for it, and the rest is brought', async (file, damage) => {
    const path = join(folderOf(job), file);
    await DAMAGES[damage]?.(path);
    try {
      const named = file.startsWith('bundle/') ? 'bundle' : file;
      const { damaged, files } = await admin.files(job);
      expect(damaged).toMatchObject([{ path: named }]);
      expect(files.some((one) => one.path === file)).toBe(false);
      expect(await askedFor(job)).not.toContain('NF_INTERNAL');
      const target = join(root, `download-${count++}`);
      await expect(federation.download(job, target)).rejects.toMatchObject({
        code: 'NF_RESULT_DAMAGED',
        message: expect.stringContaining(named),
      });
      const others = RESULTS.filter((name) => name !== file);
      for (const name of others)
        expect(await readFile(join(target, name)), name).toEqual(await readFile(join(whole, name)));
      expect((await admin.files(other)).damaged).toEqual([]);
    } finally {
      await rm(path, { recursive: true, force: true });
      await cp(join(whole, file), path);
    }
  });

  it('or all of them: the server starts, says what is gone, and keeps the other job', async () => {
    await federation.stop('hub');
    await rm(folderOf(job), { recursive: true });
    await federation.startServer();
    expect(await askedFor(job)).not.toContain('NF_INTERNAL');
    expect((await admin.files(job)).damaged.map(({ path }) => path)).toEqual(
      expect.arrayContaining([...RESULTS, 'bundle']),
    );
    await federation.download(other, join(root, 'other-download'));
    expect(await readdir(join(root, 'other-download'))).toEqual(expect.arrayContaining(RESULTS));
    await admin.delete(job);
  });
});
