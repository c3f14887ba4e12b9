import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { approve, codeToApprove, folderOf } from '../../../src/runtime/deployment/client/site-desk.ts';
import { preflight } from '../../../src/runtime/deployment/preflight/preflight.ts';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { LiveFederation, until } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** Folders that scripts leave at a site, and those that come with a kit. */

const root = tempFolder();
let federation: LiveFederation;
let count = 0;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 1 });
});
afterAll(() => federation.close());

/** A job of one site and one round, whose script does something first. */
async function jobThat(does: string): Promise<string> {
  const workflow = { n_clients: 1, num_rounds: 1 };
  const script = `import fs from 'node:fs';\n${TINY_SCRIPT.replace('const { params', `${does}\n  const { params`)}`;
  return writeJob(join(root, `job-${count++}`), { script, patch: { workflow } });
}

const DEEP = `const top = process.cwd() + '/' + Date.now();
  const name = '/' + 'n'.repeat(250);
  const chain = (path) => { fs.mkdirSync(path); while (path.length < 3700) fs.mkdirSync(path += name); return path; };
  const end = chain(top + 'a');
  chain(top + 'b');
  fs.renameSync(top + 'b', end + '/b');`;
const CLOSED = `fs.mkdirSync('a/b', { recursive: true }); fs.writeFileSync('a/b/x', ''); fs.chmodSync('a/b', 0o555); fs.chmodSync('a', 0);`;

describe('what a script leaves in its folders', () => {
  it.each([
    ['deeper than a path can say', DEEP],
    ['without rights', CLOSED],
  ])('goes with its job, and the client goes on: %s', async (_, does) => {
    const id = await federation.submit(await jobThat(does));
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED', error: null });
    const { root: folder } = folderOf({ kitDir: federation.kits.kit('site-1') }).job(id);
    // Its log stays, if it has one.
    await until(async () => (await readdir(folder)).every((name) => name === 'log.jsonl'));
    expect(await federation.run(await jobThat(''))).toMatchObject({ status: 'FINISHED:COMPLETED' });
  });
});

describe('a job that a site has accepted and cannot begin', () => {
  it('ends with the reason, and does not stand still', async () => {
    const policy = (changes: Readonly<Record<string, string>>) =>
      federation.kits.changeFile('site-1', 'local/site-policy.yml', changes);
    await policy({ 'code: any': 'code: approved' });
    const admin = await federation.admin();
    const id = await federation.submit(await jobThat('console.log("never approved before");'));
    await until(async () => (await admin.job(id)).sites[0]?.answer === 'waiting for approval');
    // Where the site writes the job down there is something else.
    const place = { kitDir: federation.kits.kit('site-1') };
    await mkdir(join(folderOf(place).taken, `${id}.json`));
    await approve(place, (await codeToApprove(place, { job: id })).code);
    const { status, sites } = await federation.wait(id);
    expect(status).toMatch(/^FINISHED:(?!COMPLETED)/);
    expect(sites[0]).toMatchObject({ answer: 'refused', reason: { code: 'NF_PATH_UNUSABLE' } });
    await policy({ 'code: approved': 'code: any' });
  });
});

describe('a folder of a kit that is a link', () => {
  const LINKS = [
    'work',
    'work/jobs',
    'work/taken',
    'work/jobs/6a8f1c8e-7a53-4c9b-9f0e-2f4b6c1d3e5a',
    'work/log.jsonl',
  ];

  it.each(LINKS)(
    'keeps the client from starting, and nothing is changed where it leads: %s',
    async (path) => {
      await federation.stop('site-1');
      const kit = federation.kits.kit('site-1');
      const aside = join(root, `aside-${count++}`);
      await rename(join(kit, 'work'), aside);
      const victim = join(root, `victim-${count++}`);
      for (let index = 0; index < 60; index++)
        await mkdir(join(victim, `folder-${index}`), { recursive: true });
      const { mode } = await stat(victim);
      await mkdir(join(kit, path, '..'), { recursive: true });
      await symlink(victim, join(kit, path));
      await federation.startClient('site-1');
      const refused = { code: 'NF_PATH_LINK', message: expect.stringContaining(join(kit, path)) };
      await expect(federation.ended('site-1')).rejects.toMatchObject(refused);
      const checks = await preflight({ kitDir: kit, engine: 'cpu' });
      expect(checks.find(({ check }) => check === 'work folder')).toMatchObject({
        ok: false,
        detail: expect.stringContaining('NF_PATH_LINK'),
      });
      expect((await readdir(victim)).length).toBe(60);
      expect((await stat(victim)).mode).toBe(mode);
      await rm(join(kit, 'work'), { recursive: true });
      await rename(aside, join(kit, 'work'));
      await federation.startClient('site-1');
    },
  );

  it("leaves folders alone that are no job's", async () => {
    await federation.stop('site-1');
    const { jobs } = folderOf({ kitDir: federation.kits.kit('site-1') });
    for (let index = 0; index < 60; index++) await mkdir(join(jobs, `folder-${index}`));
    await federation.startClient('site-1');
    expect(await federation.run(await jobThat(''))).toMatchObject({ status: 'FINISHED:COMPLETED' });
    await federation.stop('site-1');
    expect((await readdir(jobs)).filter((name) => name.startsWith('folder-')).length).toBe(60);
    await federation.startClient('site-1');
  });

  it('keeps the server from starting', async () => {
    await federation.stop('hub');
    await rename(federation.state, `${federation.state}-aside`);
    await mkdir(join(root, 'victim-of-state'));
    await symlink(join(root, 'victim-of-state'), federation.state);
    await expect(federation.startServer()).rejects.toMatchObject({ code: 'NF_PATH_LINK' });
    expect(existsSync(join(root, 'victim-of-state', 'state.db'))).toBe(false);
  });
});
