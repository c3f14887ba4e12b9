import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { flError, type NeuroflareError } from '../../../../../src/runtime/base/errors/errors.ts';
import { JobRunner, type JobWork } from '../../../../../src/runtime/deployment/server/jobs/job-runner.ts';
import { waitingJob } from '../../../../../src/runtime/deployment/server/jobs/job-state.ts';

const ABORTED = flError('NF_JOB_ABORTED', { who: 'ann' });
const STOPS = flError('NF_INTERRUPTED', { signal: 'the server', hint: '' });
const FULL = flError('NF_DISK_FULL', { where: 'on /state' });

/** Until the signal fires. */
function untilStopped(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
}

/** A job whose steps write their names down. */
function start(over: Partial<JobWork> = {}) {
  const did: string[] = [];
  const done = (name: string) => async () => void did.push(name);
  const work: JobWork = {
    offer: done('offer'),
    gather: done('gather'),
    begin: done('begin'),
    train: async ({ mayKeep }) => {
      did.push('train');
      await mayKeep();
      did.push('keep');
    },
    salvage: done('salvage'),
    end: async ({ status }) => void did.push(status),
    noteAbort: done('note abort'),
    onHold: ({ code }) => did.push(code),
    onLost: ({ code }) => did.push(`lost ${code}`),
    ...over,
  };
  const runner = new JobRunner(waitingJob('SUBMITTED'), work, 5);
  return { runner, did };
}

/** Fails so many times for the machine's sake. */
function failing(times: number, work: () => Promise<void> = async () => undefined) {
  let left = times;
  return async () => {
    if (left-- > 0) throw FULL;
    await work();
  };
}

describe('the runner of a job', () => {
  it('does its steps in order', async () => {
    const { runner, did } = start();
    await runner.run();
    expect(did).toEqual(['offer', 'gather', 'begin', 'train', 'keep', 'FINISHED:COMPLETED']);
  });

  it('does a step again after a pause where the machine failed', async () => {
    const { runner, did } = start({ begin: failing(2), end: failing(1) });
    await runner.run();
    expect(did).toEqual([
      'offer',
      'gather',
      ...Array(2).fill('NF_DISK_FULL'),
      'train',
      'keep',
      'NF_DISK_FULL',
    ]);
    expect(runner.state.place.name).toBe('over');
  });

  it('does all of the training again where its results could not be written', async () => {
    let times = 0;
    const { runner, did } = start({
      train: async ({ mayKeep }) => {
        did.push('train');
        await mayKeep();
        if (++times === 1) throw FULL;
      },
    });
    await runner.run();
    expect(did.slice(3)).toEqual(['train', 'NF_DISK_FULL', 'train', 'FINISHED:COMPLETED']);
  });

  it('ends as failed where training failed, or kept nothing', async () => {
    const broken = start({ train: () => Promise.reject(flError('NF_SCRIPT_MEMORY')) });
    await broken.runner.run();
    expect(broken.did.slice(3)).toEqual(['salvage', 'FINISHED:EXECUTION_EXCEPTION']);
    const empty = start({ train: async () => undefined });
    await empty.runner.run();
    expect(empty.did.slice(3)).toEqual(['salvage', 'FINISHED:EXECUTION_EXCEPTION']);
  });

  it('stops the step of a job that is aborted', async () => {
    const { runner, did } = start({ gather: untilStopped });
    const ended = runner.run();
    await expect(runner.abort(ABORTED)).resolves.toEqual({ is: 'taken' });
    await ended;
    expect(did).toEqual(['offer', 'note abort', 'salvage', 'FINISHED:ABORTED']);
  });

  it('answers all who abort, with one note', async () => {
    const { runner, did } = start({ gather: untilStopped });
    const ended = runner.run();
    const answers = await Promise.all([runner.abort(ABORTED), runner.abort(ABORTED)]);
    expect(answers).toEqual([{ is: 'taken' }, { is: 'taken' }]);
    await ended;
    expect(did.filter((what) => what === 'note abort')).toHaveLength(1);
    await expect(runner.abort(ABORTED)).resolves.toEqual({ is: 'late', since: 'over' });
  });

  it('keeps no results while an abort is being noted, and none after it', async () => {
    const isNoted = Promise.withResolvers<void>();
    const isTrained = Promise.withResolvers<void>();
    const { runner, did } = start({
      train: async ({ mayKeep }) => {
        await isTrained.promise;
        await mayKeep();
        did.push('keep');
      },
      noteAbort: () => isNoted.promise,
    });
    const ended = runner.run();
    const aborted = runner.abort(ABORTED);
    isTrained.resolve();
    await sleep(5);
    isNoted.resolve();
    await expect(aborted).resolves.toEqual({ is: 'taken' });
    await ended;
    expect(did.at(-1)).toBe('FINISHED:ABORTED');
    expect(did).not.toContain('keep');
  });

  it('keeps them where the abort could not be noted, and says why', async () => {
    const isTrained = Promise.withResolvers<void>();
    const { runner, did } = start({
      train: async ({ mayKeep }) => {
        await isTrained.promise;
        await mayKeep();
      },
      noteAbort: () => Promise.reject(FULL),
    });
    const ended = runner.run();
    const aborted = runner.abort(ABORTED);
    isTrained.resolve();
    await expect(aborted).resolves.toEqual({ is: 'failed', error: FULL });
    await ended;
    expect(did.at(-1)).toBe('FINISHED:COMPLETED');
  });

  it('tells who aborts while results are written that it is too late', async () => {
    const answers: unknown[] = [];
    const { runner } = start({
      train: async ({ mayKeep }) => {
        await mayKeep();
        answers.push(await runner.abort(ABORTED));
      },
    });
    await runner.run();
    expect(answers).toEqual([{ is: 'late', since: 'results' }]);
  });

  it('wakes from its pause when the job is aborted or the server stops', async () => {
    const never = { gather: () => Promise.reject<void>(FULL) };
    const aborted = start(never);
    const ended = aborted.runner.run();
    await expect.poll(() => aborted.did).toContain('NF_DISK_FULL');
    await aborted.runner.abort(ABORTED);
    await ended;
    expect(aborted.did.slice(-2)).toEqual(['salvage', 'FINISHED:ABORTED']);
    const left = start(never);
    const stopped = left.runner.run();
    await expect.poll(() => left.did).toContain('NF_DISK_FULL');
    left.runner.leave(STOPS);
    await stopped;
    expect(left.runner.state.place.name).toBe('left');
  });

  it('leaves a job where it is when the server stops', async () => {
    const { runner, did } = start({ train: ({ signal }) => untilStopped(signal) });
    const ended = runner.run();
    await expect.poll(() => did.length).toBe(3);
    runner.leave(STOPS);
    await ended;
    expect(did).toEqual(['offer', 'gather', 'begin']);
  });

  it('tells of an end that could not be noted', async () => {
    const error: NeuroflareError = flError('NF_INTERNAL', { message: 'no such job' });
    const { runner, did } = start({ end: () => Promise.reject(error) });
    await runner.run();
    expect(did.slice(-2)).toEqual(['salvage', 'lost NF_INTERNAL']);
  });
});
