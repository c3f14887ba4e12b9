import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { partsOfTask, seedOfTask } from '../../../../../src/runtime/algorithms/task.ts';
import { sha256 } from '../../../../../src/runtime/base/digest.ts';
import { flError } from '../../../../../src/runtime/base/errors/errors.ts';
import { writeFileAtomic } from '../../../../../src/runtime/base/files/files.ts';
import { encodeSafetensors } from '../../../../../src/runtime/base/tensors/safetensors.ts';
import { Slots } from '../../../../../src/runtime/base/threads/slots.ts';
import { JobStanding } from '../../../../../src/runtime/deployment/client/job-standing.ts';
import { clientFolder } from '../../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { JobLog } from '../../../../../src/runtime/deployment/client/memory/job-log.ts';
import { JobTasks } from '../../../../../src/runtime/deployment/client/tasks/job-tasks.ts';
import { inputsDigest } from '../../../../../src/runtime/deployment/client/tasks/site-task.ts';
import type { TaskWatch } from '../../../../../src/runtime/deployment/client/tasks/task-runner.ts';
import { loadJob } from '../../../../../src/runtime/job/load.ts';
import type { AssignedTask, TaskFailure } from '../../../../../src/runtime/network/messages/site.ts';
import type { Deed } from '../../../../../src/runtime/security/logs/audit-log.ts';
import { sitePolicySchema } from '../../../../../src/runtime/security/policy/site-policy.ts';
import { writeJob } from '../../../../support/job-folder.ts';
import { float32 } from '../../../../support/param-sets.ts';
import { quietLog } from '../../../../support/quiet-log.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const SITE = 'site-1';
const MODEL = encodeSafetensors({ weights: float32([1, 2, 3, 4]) });
let count = 0;
let ended: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ended) await end();
  ended = [];
});

interface Behaviour {
  /** What the process of a task does until it has failed, which is what it always does. */
  readonly work?: (watch: TaskWatch) => Promise<void>;
  /** Times the server refuses what is sent. */
  readonly refusals?: number;
  readonly slots?: Slots;
}

/** The tasks of a job at a site, whose scripts always fail: what is asked, done, sent and told is written down. */
async function start({ work = async () => undefined, refusals = 0, slots = new Slots(1) }: Behaviour = {}) {
  const folder = clientFolder(join(root, String(count++))).job(randomUUID());
  const { definition: job } = await loadJob(await writeJob(folder.bundle));
  const log = new JobLog(folder.log, undefined);
  const halt = new AbortController();
  const sent: TaskFailure[] = [];
  const done: string[] = [];
  const phases: string[] = [];
  const deeds: Deed[] = [];
  const told: string[] = [];
  const standing = new JobStanding({
    id: 'the job',
    site: SITE,
    log,
    logger: quietLog(),
    tell: (line) => void told.push(line),
    onChange: () => void phases.push(standing.phase),
  });
  let refused = refusals;
  const tasks = new JobTasks({
    job: 'the job',
    site: SITE,
    folder,
    slots,
    standing,
    halt: halt.signal,
    logger: quietLog(),
    policy: async () => sitePolicySchema.parse({ version: 1 }),
    memory: { lastTask: () => null, begin: async () => true },
    audit: { append: async (deed) => void deeds.push(deed) },
    link: {
      fetch: async (_path, { target }) => void (await writeFileAtomic(target, MODEL)),
      report: async () => undefined,
      sendUpdate: async () => undefined,
      sendResult: async () => ({ verdict: 'accepted', round: null }),
      sendFailure: async (_job, failure) => {
        if (refused-- > 0) throw flError('NF_REQUEST_FORM', { reason: 'the test says so' });
        sent.push(failure);
        return { verdict: 'accepted', round: null };
      },
    },
  });
  const runner = {
    run: async ({ id, inputs }: AssignedTask, watch: TaskWatch) => {
      done.push(id);
      await work(watch);
      watch.signal.throwIfAborted();
      const error = { code: 'NF_SCRIPT_FAILED', message: 'it broke', hint: 'h', exitCode: 1 } as const;
      const answer = { failure: { task: id, attempt: 1, error } };
      return {
        version: 2 as const,
        inputs_sha256: inputsDigest(inputs),
        model_sha256: sha256(MODEL),
        answer,
      };
    },
  };
  const task = (round: number, over: Partial<AssignedTask> = {}): AssignedTask => {
    const id = `train/${round}/${SITE}`;
    const inputs = { model: { sha256: sha256(MODEL), size: MODEL.length } };
    return { id, total_rounds: 2, seed: seedOfTask(job, partsOfTask(id)), inputs, ...over };
  };
  const limits = { site: SITE, job, model: undefined, expires: undefined };
  const running = tasks.run({ runner, limits, known: new Set() }).catch((reason: unknown) => reason);
  const want = (one: AssignedTask | undefined) => tasks.want(one, performance.now());
  const end = async () => {
    halt.abort(new Error('the server has ended it'));
    await running;
    await log.close();
  };
  ended.push(end);
  return { tasks, task, want, halt, running, folder, sent, done, phases, deeds, told, standing };
}

describe('a task', () => {
  it('is fetched, done, and sent until the server has said what became of it', async () => {
    const { task, want, sent, done, phases, deeds, standing, folder } = await start();
    want(task(1));
    await expect.poll(() => standing.phase).toBe('answered');
    expect(phases).toEqual(['downloading', 'queued', 'running', 'uploading', 'uploading', 'answered']);
    expect(sent).toMatchObject([{ task: 'train/1/site-1', error: { code: 'NF_SCRIPT_FAILED' } }]);
    expect([standing.task, done]).toEqual(['train/1/site-1', ['train/1/site-1']]);
    expect(deeds).toMatchObject([{ action: 'task.train', outcome: 'done' }]);
    expect(existsSync(folder.outbox)).toBe(false);
  });

  it('is not done again for a word that is older than its answer, and again for one that is newer', async () => {
    const { tasks, task, want, done, standing } = await start();
    const before = performance.now();
    want(task(1));
    await expect.poll(() => standing.phase).toBe('answered');
    tasks.want(task(1), before);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(done).toHaveLength(1);
    want(task(1));
    await expect.poll(() => done).toHaveLength(2);
  });

  it('that is taken back while it runs is stopped and not answered; the next one is', async () => {
    const untilStopped = ({ signal }: TaskWatch) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    let isFirst = true;
    const work = (watch: TaskWatch) => {
      const waits = isFirst;
      isFirst = false;
      return waits ? untilStopped(watch) : Promise.resolve();
    };
    const { task, want, sent, standing } = await start({ work });
    want(task(1));
    await expect.poll(() => standing.phase).toBe('running');
    want(undefined);
    await expect.poll(() => standing.phase).toBe('idle');
    want(task(2));
    await expect.poll(() => standing.phase).toBe('answered');
    expect(sent.map(({ task: id }) => id)).toEqual(['train/2/site-1']);
  });

  it('that is not one of the signed job is not done, and the server and the audit log have the reason', async () => {
    const { task, want, sent, done, deeds, standing } = await start();
    want(task(1, { seed: 1 }));
    await expect.poll(() => standing.phase).toBe('answered');
    expect(done).toEqual([]);
    expect(sent).toMatchObject([{ error: { code: 'NF_TASK_NOT_SIGNED', place: { site: SITE, round: 1 } } }]);
    expect(deeds).toMatchObject([{ action: 'task.train', outcome: 'refused', detail: 'NF_TASK_NOT_SIGNED' }]);
  });

  it('of which the server takes nothing is over: the same work would be refused again', async () => {
    const { task, want, done, sent, standing } = await start({ refusals: 2 });
    want(task(1));
    await expect.poll(() => standing.phase).toBe('answered');
    want(task(1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([done.length, sent]).toEqual([1, []]);
    want(task(2));
    await expect.poll(() => sent).toHaveLength(1);
  });

  it('waits for a slot of the site', async () => {
    const slots = new Slots(1);
    const release = await slots.take(new AbortController().signal);
    const { task, want, done, standing } = await start({ slots });
    want(task(1));
    await expect.poll(() => standing.phase).toBe('queued');
    expect(done).toEqual([]);
    release();
    await expect.poll(() => standing.phase).toBe('answered');
  });

  it('ends with the job, whose reason is told', async () => {
    const { halt, running } = await start();
    halt.abort(new Error('the server has ended it'));
    expect(await running).toMatchObject({ message: 'the server has ended it' });
  });
});

describe('how a job stands', () => {
  it('is told once when its machine keeps it from going on, and once when it goes on', async () => {
    const { standing, told } = await start();
    const full = flError('NF_DISK_FULL', { where: '' });
    for (let times = 0; times < 3; times++) standing.setTrouble(full);
    expect(standing.trouble).toMatchObject({ code: 'NF_DISK_FULL', place: { site: SITE } });
    standing.setTrouble(undefined);
    expect(told).toEqual([
      expect.stringContaining('job the job waits for this machine'),
      expect.stringContaining('job the job goes on.'),
    ]);
  });
});
