import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { TASK_LIMITS } from '../../../../../src/runtime/base/limits.ts';
import {
  type ClientFolder,
  clientFolder,
} from '../../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { JobMemory } from '../../../../../src/runtime/deployment/client/memory/job-memory.ts';
import type { Deed } from '../../../../../src/runtime/security/logs/audit-log.ts';
import { type ChainedLog, openChainedLog } from '../../../../../src/runtime/security/logs/chained-log.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const JOB = '0b6f0b1e-5a5e-4b8e-9d9a-3d7a2f1c4e5b';
const key = { certificate: 'PEM', sign: () => 'signed', isSigned: () => true };
const own = { actor: 'site-1', outcome: 'done', job: JOB } as const;
let folder: ClientFolder;
let count = 0;

beforeEach(async () => {
  folder = clientFolder(join(root, String(count++)));
  await mkdir(folder.jobs, { recursive: true });
});

/** As a start of a client does it, at a time; what was told, and why the job is over. */
async function opened(now = new Date()) {
  const audit: ChainedLog<Deed> = await openChainedLog<Deed>(folder.audit, key);
  const told: string[] = [];
  const note = (deed: Pick<Deed, 'action' | 'job' | 'detail'>) =>
    audit.append({ actor: 'site-1', outcome: 'done', ...deed });
  const memory = await JobMemory.open(folder, {
    note,
    tell: ({ place }) => told.push(`${place?.file}`),
    now,
  });
  return { memory, audit, told };
}

const path = () => join(folder.taken, `${JOB}.json`);

describe('the jobs that a site has taken', () => {
  it('are not missed where the client was killed before it wrote one down that it had accepted', async () => {
    const { audit } = await opened();
    await audit.append({ ...own, action: 'job.accepted' });
    await audit.close();
    const again = await opened();
    expect(again.told).toEqual([]);
    expect(again.memory.overReason(JOB)).toBeUndefined();
    await again.audit.close();
  });

  it('are over where a task of one is in the audit log and it is written down no more', async () => {
    const { memory, audit } = await opened();
    await audit.append({ ...own, action: 'job.accepted' });
    await memory.take(JOB, {});
    await audit.append({ ...own, action: 'task.train' });
    await audit.close();
    await rm(path());
    const again = await opened();
    expect(again.told).toEqual([path()]);
    expect(again.memory.overReason(JOB)).toContain('cannot be read');
    await again.audit.close();
    const third = await opened();
    expect(third.told).toEqual([]);
    expect(third.memory.overReason(JOB)).toContain('cannot be read');
    await third.audit.close();
  });

  it('are forgotten when their signature has ended, and not missed then', async () => {
    const { memory, audit } = await opened();
    await memory.take(JOB, { expires: '2026-01-02T00:00:00.000Z' });
    await audit.append({ ...own, action: 'task.train' });
    await audit.close();
    for (const day of ['2026-01-01', '2026-01-03', '2026-01-04']) {
      const { told, audit: log } = await opened(new Date(`${day}T00:00:00Z`));
      expect(told).toEqual([]);
      expect((await readdir(folder.taken)).length, day).toBe(day === '2026-01-01' ? 1 : 0);
      await log.close();
    }
  });

  it('of before they were written down, by version 0.1.0, are not missed', async () => {
    const audit = await openChainedLog<Deed>(folder.audit, key);
    await audit.append({ ...own, action: 'task.train' });
    await audit.close();
    for (let start = 0; start < 2; start++) {
      const { told, audit: log } = await opened();
      expect(told).toEqual([]);
      await log.close();
    }
  });
});

describe('a task that a server asks for again', () => {
  const task = (name: string, model = 'a') => ({
    id: `${name}/1/site-1`,
    total_rounds: 3,
    seed: 0,
    inputs: { model: { sha256: model.repeat(64), size: 1 } },
  });
  const { most } = TASK_LIMITS.repeats;

  it('begins a few times, also after another start of the client, and as often once the job was resumed', async () => {
    const first = await opened();
    await first.memory.take(JOB, {});
    expect(await first.memory.begin(JOB, task('train'))).toBe(true);
    expect(await first.memory.begin(JOB, task('vote'))).toBe(true);
    for (let times = 2; times < most; times++)
      expect(await first.memory.begin(JOB, task('train'))).toBe(false);
    await first.audit.close();
    const { memory, audit } = await opened();
    expect(await memory.begin(JOB, task('train'))).toBe(false);
    const refused = { code: 'NF_TASK_NOT_SIGNED', place: { site: 'site-1', round: 1 } };
    for (const _ of [1, 2]) await expect(memory.begin(JOB, task('train'))).rejects.toMatchObject(refused);
    expect(await memory.begin(JOB, task('vote'))).toBe(false);
    await memory.take(JOB, { resume: 1 });
    expect(await memory.begin(JOB, task('train'))).toBe(false);
    await audit.close();
  });
});
