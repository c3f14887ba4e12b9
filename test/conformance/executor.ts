import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256File } from '../../src/runtime/base/digest.ts';
import type { SiteJobFolder } from '../../src/runtime/deployment/client/memory/client-folder.ts';
import type {
  Executor,
  TaskEvent,
  TaskOutcome,
  TaskWatch,
} from '../../src/runtime/site/executor/executor.ts';
import { readModel } from '../support/model-files.ts';
import { makeJobFolder, orderFor, scriptWith, watching } from '../support/script-process.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { spotSlice, subjectsOf, writeTree } from '../unit/learning/bids-tree.ts';

export interface MakeOptions {
  readonly startLimit?: number;
  /** Folder of the site's data. */
  readonly data?: string;
}

/** An executor for the scripts of one job, whose files lie in `folder`. */
export interface ExecutorFixture {
  make(folder: SiteJobFolder, over: MakeOptions): Executor;
  /** Code that ends a script as V8 does when there is no memory left; filling it takes many seconds. */
  readonly abort?: string;
  /** Where scripts run in a process that others can end, and may start others: */
  readonly ownProcess?: {
    /** what a script does first to be in it, */
    readonly begin: string;
    /** and its number. @param own by which it knows itself */
    readonly pid: (folder: SiteJobFolder, own: number) => Promise<number>;
  };
}

const CLASSES = ['bright', 'dark'];
const FOR_EVER = 'await new Promise((resolve) => setTimeout(resolve, 1e9));';

/** What every executor promises, whatever runs its scripts. */
export function describeExecutor(name: string, { make, ownProcess, abort }: ExecutorFixture): void {
  const root = tempFolder();
  let count = 0;
  let folder: SiteJobFolder;
  let executor: Executor | undefined;
  let events: TaskEvent[] = [];

  afterEach(async () => {
    await executor?.close();
    executor = undefined;
    events = [];
  });

  const open = async (over: MakeOptions = {}): Promise<Executor> => {
    folder = await makeJobFolder(join(root, String(count++), 'work'));
    executor = make(folder, over);
    events = [];
    return executor;
  };

  interface Wish extends Partial<TaskWatch> {
    readonly round?: number;
  }
  const run = async (body: string, { round = 1, ...over }: Wish = {}): Promise<TaskOutcome> => {
    const at = executor ?? (await open());
    const emit = (event: TaskEvent) => void events.push(event);
    return at.run(await orderFor(folder, scriptWith(body), { round }), watching({ emit, ...over }));
  };
  const printed = () => events.flatMap((event) => (event.type === 'log' ? [event.text] : [])).join('');
  const failed = (code: string) => ({ type: 'failure', error: expect.objectContaining({ code }) });
  const result = { type: 'result' };
  const runs = async () => {
    await expect.poll(printed).toContain('runs');
  };

  describe(`the executor ${name}`, () => {
    it('gives the answer of a script, with its files on disk and their digests', async () => {
      const outcome = await run('params.weights.data[0] = 9; flare.saveState({ a: 1 });');
      if (outcome.type !== 'result') throw new Error(JSON.stringify(outcome));
      const { output } = await orderFor(folder, '');
      expect(outcome.answer).toEqual({
        paramsType: 'FULL',
        numExamples: 1,
        metrics: { done: 1 },
        files: { model: await sha256File(output.files.model ?? '') },
        state: await sha256File(output.state),
      });
      expect([...((await readModel(output.files.model ?? '')).weights?.data ?? [])]).toEqual([9, 2]);
    });

    it('tells that a task is begun, and then what its script prints', async () => {
      expect(
        await run(`console.log('one %d', 1); console.error('two'); process.stdout.write('three\\n');`),
      ).toMatchObject(result);
      expect(events[0]).toEqual({ type: 'started' });
      expect(printed()).toBe('one 1\ntwo\nthree\n');
    });

    it('tells how far a task is, and what computed it', async () => {
      const train = subjectsOf(CLASSES, { count: 4, partition: 'train' });
      const data = await writeTree(
        [...train, ...subjectsOf(CLASSES, { count: 2, partition: 'validation', first: 50 })],
        spotSlice,
      );
      const at = await open({ data });
      const spec = JSON.stringify({ type: 'mri-cnn', image_size: 16, classes: CLASSES, width: 8 });
      const body = `const { buildModel, openDataset } = await import('neuroflare/mri');
const { compile } = await import('neuroflare/engine');
const { train } = await openDataset(flare.data(), { imageSize: 16, batchSize: 4 });
await (await compile(buildModel(${spec}))).fit(train, { epochs: 1, seed: 1 });`;
      const emit = (event: TaskEvent) => void events.push(event);
      const outcome = await at.run(await orderFor(folder, scriptWith(body), { data }), watching({ emit }));
      expect(outcome).toMatchObject({ answer: { engine: { device: 'cpu' } } });
      expect(events.filter(({ type }) => type === 'progress')).toEqual([
        { type: 'progress', done: 4, total: 8 },
        { type: 'progress', done: 8, total: 8 },
      ]);
    });

    it.each([
      ['throws', `throw new Error('it broke');`],
      [
        'throws in a timer',
        `await new Promise(() => setTimeout(() => { throw new Error('it broke'); }, 5));`,
      ],
      ['rejects unseen', `void Promise.reject(new Error('it broke')); ${FOR_EVER}`],
    ])('gives a failure with its place: a script that %s', async (_, body) => {
      expect(await run(body, { round: 2 })).toMatchObject({
        type: 'failure',
        error: {
          code: 'NF_SCRIPT_FAILED',
          message: expect.stringContaining('it broke'),
          place: { site: 'site-1', round: 2, line: 4, file: expect.stringMatching(/client\/train\.ts$/) },
        },
      });
    });

    it.each([
      [
        'sends nothing',
        `import * as flare from 'neuroflare/client'; await flare.init();`,
        'NF_SCRIPT_NO_RESULT',
      ],
      ['cannot be read', 'const = ;', 'NF_SCRIPT_LOAD'],
    ])('gives a failure of a script that %s', async (_, text, code) => {
      const at = await open();
      expect(await at.run(await orderFor(folder, text), watching())).toEqual(failed(code));
    });

    it('gives a failure of a script that exits, and of one whose memory is used up', async () => {
      expect(await run('process.exit(3);')).toEqual(failed('NF_SCRIPT_EXITED'));
      if (abort !== undefined) expect(await run(abort)).toEqual(failed('NF_SCRIPT_MEMORY'));
      expect(await run('', { round: 2 })).toMatchObject(result);
    });

    it('gives up a script that does not begin in time', async () => {
      await open({ startLimit: 0.001 });
      expect(await run('', { limit: 60 })).toEqual(failed('NF_SCRIPT_START'));
    });

    it('ends a script at its limit, also one in an endless loop', async () => {
      expect(await run('for (;;);', { limit: 0.5 })).toEqual(failed('NF_SCRIPT_TIMEOUT'));
      expect(await run(FOR_EVER, { limit: 0.5 })).toEqual(failed('NF_SCRIPT_TIMEOUT'));
      expect(await run('', { round: 2 })).toMatchObject(result);
    });

    it('runs one task after another with nothing of the one before', async () => {
      const found = 'if (globalThis.before ?? [].before ?? process.env.before) throw new Error("found");';
      for (const left of [
        'globalThis.before = 1;',
        'Array.prototype.before = 1;',
        'process.env.before = "1";',
      ]) {
        expect(await run(left)).toMatchObject(result);
        expect(await run(found, { round: 2 })).toMatchObject(result);
      }
      expect(events.some(({ type }) => type === 'left')).toBe(true);
    });

    it('runs the next task after a failure', async () => {
      expect(await run(`throw new Error('once');`)).toEqual(failed('NF_SCRIPT_FAILED'));
      expect(await run('', { round: 2 })).toMatchObject(result);
    });

    it.each([
      ['that waits', FOR_EVER],
      ['in an endless loop', 'await new Promise((resolve) => setTimeout(resolve, 20)); for (;;);'],
    ])('stops a task %s with the reason it is given, and runs the next one', async (_, body) => {
      const stop = new AbortController();
      const outcome = run(`console.log('runs'); ${body}`, { signal: stop.signal });
      await runs();
      stop.abort(new Error('enough'));
      await expect(outcome).rejects.toThrow('enough');
      const heard = events.length;
      expect(await run('', { round: 2, emit: () => undefined })).toMatchObject(result);
      expect(events).toHaveLength(heard);
    });

    it('begins no task that was stopped before', async () => {
      await open();
      await expect(run('', { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
      expect(events).toEqual([]);
    });

    it('stops what runs when it is closed, and takes nothing more', async () => {
      const outcome = run(`console.log('runs'); ${FOR_EVER}`);
      const stopped = expect(outcome).rejects.toMatchObject({ code: 'NF_INTERRUPTED' });
      await runs();
      await executor?.close();
      await stopped;
      await expect(run('')).rejects.toMatchObject({ code: 'NF_INTERRUPTED' });
      await executor?.close();
    });

    // A thread is not ended from outside, and what it started ends with the process that all threads have.
    if (!ownProcess) return;

    it('says that what ran a script was ended from outside', async () => {
      const outcome = run(`${ownProcess.begin} console.log('runs', process.pid); ${FOR_EVER}`);
      await runs();
      const pid = await ownProcess.pid(folder, Number(/runs (\d+)/.exec(printed())?.[1]));
      process.kill(-(pid ?? 0), 'SIGKILL');
      expect(await outcome).toEqual({ type: 'killed', signal: 'SIGKILL' });
      expect(await run('', { round: 2 })).toMatchObject(result);
    });

    it.skipIf(process.platform === 'win32')('ends all that a script has started', async () => {
      const at = await open();
      const path = join(folder.home, 'beat');
      const beat = `while :; do printf x >> ${path}; sleep 0.02; done`;
      const beats = async () => (await stat(path).catch(() => undefined))?.size ?? 0;
      const outcome = run(`${ownProcess.begin}
const { spawn } = await import('node:child_process');
spawn('sh', ['-c', ${JSON.stringify(beat)}], { stdio: 'ignore', detached: true }).unref();
console.log('runs'); ${FOR_EVER}`).catch(() => undefined);
      await expect.poll(beats).toBeGreaterThan(1);
      await at.close();
      await outcome;
      const isStill = async () => {
        const before = await beats();
        await sleep(300);
        return (await beats()) === before;
      };
      await expect.poll(isStill).toBe(true);
    });
  });
}
