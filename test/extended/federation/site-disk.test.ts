import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sha256 } from '../../../src/runtime/base/digest.ts';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { approve, listSiteJobs } from '../../../src/runtime/deployment/client/site-desk.ts';
import { PACKED_BUNDLE } from '../../../src/runtime/deployment/server/jobs/packed-file.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LIMITS } from '../../support/limits.ts';
import { LiveFederation, until } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let admin: Admin;
/** Of model 0 of every job here. */
let model: string;
let count = 0;

const job = (workflow: Record<string, unknown> = {}) =>
  writeJob(join(root, `job-${count++}`), { patch: { workflow: { num_rounds: 1, ...workflow } } });

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'));
  admin = await federation.admin();
  const { job_id: id } = await federation.run(await job());
  const { events } = await admin.events(id, { after: 0, waitSeconds: 0 });
  const initial = events.find(({ event }) => event.type === 'model.initial')?.event;
  model = z.object({ model: z.object({ sha256: z.string() }) }).parse(initial).model.sha256;
});
afterAll(() => federation.close());

type Part = 'bundle' | 'model';

/** Submits a job to site-2 too, on whose disk there is no room for a part of it. Returns what makes room. */
async function submitted(part: Part, workflow: Record<string, unknown> = {}) {
  await federation.stop('site-2');
  const id = await federation.submit(await job(workflow), { clients: ['site-1', 'site-2'] });
  const digest =
    part === 'model' ? model : sha256(await readFile(join(federation.state, 'jobs', id, PACKED_BUNDLE)));
  const folder = join(federation.kits.kit('site-2'), 'work/jobs', id, part === 'model' ? 'models' : '');
  const name = part === 'model' ? digest : 'bundle.json';
  const full = join(folder, `${name}.${digest.slice(0, 16)}.part`);
  await mkdir(folder, { recursive: true });
  // The device itself: a client refuses links in its folders.
  execFileSync('mknod', ['-m', '666', full, 'c', '1', '7']);
  await federation.startClient('site-2');
  await until(async () => (await admin.job(id)).sites[1]?.trouble !== undefined);
  return { id, makeRoom: () => rm(full, { force: true }) };
}

/** Who may make a device. */
const isRoot = process.getuid?.() === 0;

describe.runIf(process.platform === 'linux' && isRoot)('a site whose disk is full', () => {
  it.each<Part>(['bundle', 'model'])(
    'while it fetches the %s is named with the reason, and goes on when there is room',
    async (part) => {
      const { id, makeRoom } = await submitted(part);
      // The other site may be at its task yet.
      await expect
        .poll(async () => (await admin.job(id)).waiting, { timeout: LIMITS.moment * 1000 })
        .toMatchObject({
          what: expect.stringMatching(/^site-2 \(No space left on the disk/),
          sites: ['site-2'],
        });
      const meta = await admin.job(id);
      expect(meta.sites[1]).toMatchObject({
        site: 'site-2',
        trouble: { code: 'NF_DISK_FULL', place: { site: 'site-2' } },
      });
      await until(() => federation.said('site-2').some((line) => line.includes('No space left')));
      // Two more tries of the client: it says so once, and never that the server was away.
      await new Promise((resolve) => setTimeout(resolve, 4500));
      const said = federation.said('site-2').join('\n');
      expect(said.match(/No space left/g)).toHaveLength(1);
      expect(said).not.toContain('answers again');
      await makeRoom();
      expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: null });
      expect(federation.said('site-2').join('\n')).toContain('tiny goes on.');
    },
  );

  it.each<[Part, string, object]>([
    [
      'model',
      'FINISHED:EXECUTION_EXCEPTION',
      { error: { code: 'NF_SITE_STALLED', place: { site: 'site-2' } } },
    ],
    ['bundle', 'FINISHED:CAN_NOT_SCHEDULE', { error: { message: expect.stringContaining('No space left') } }],
  ])('and stays so for the %s is not waited for beyond site_timeout', async (part, status, end) => {
    const { id, makeRoom } = await submitted(part, { site_timeout: 10 });
    expect(await federation.wait(id)).toMatchObject({ status, ...end });
    await makeRoom();
  });

  it('costs its round, not the job, where the others are enough', async () => {
    // The other site is enough to begin with: it takes the job when both have been asked.
    const place = { kitDir: federation.kits.kit('site-1') };
    const policy = (changes: Readonly<Record<string, string>>) =>
      federation.kits.changeFile('site-1', 'local/site-policy.yml', changes);
    await policy({ 'code: any': 'code: approved' });
    const isAsked = async () => {
      const { jobs } = await listSiteJobs(place);
      const [code] = jobs.flatMap(({ code_sha256: one }) => one ?? []);
      if (code === undefined || federation.said('site-2').length === 0) return false;
      return approve(place, code);
    };
    const approved = until(isAsked);
    const { id, makeRoom } = await submitted('model', { site_timeout: 25, min_clients: 1 });
    await approved;
    await policy({ 'code: approved': 'code: any' });
    const meta = await federation.wait(id);
    expect(meta).toMatchObject({
      status: 'FINISHED:COMPLETED',
      first_failure: { site: 'site-2', error: { code: 'NF_SITE_STALLED' } },
    });
    expect(meta.sites.map(({ site, rounds }) => [site, rounds])).toEqual([
      ['site-1', 1],
      ['site-2', 0],
    ]);
    await makeRoom();
  });
});
