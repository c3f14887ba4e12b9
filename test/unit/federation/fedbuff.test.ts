import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { partsOfTask } from '../../../src/runtime/algorithms/task.ts';
import { siteOf } from '../../../src/runtime/federation/channel.ts';
import type { RunEvent } from '../../../src/runtime/run/events.ts';
import { readJournal } from '../../../src/runtime/run/journal.ts';
import { RUN_EVENTS } from '../../../src/runtime/run/stored-event.ts';
import { type Behaviour, learn } from '../../support/fake-channel.ts';
import { dyingAfter, type FakeRun, type FakeRunOptions, startFakeRun } from '../../support/fake-run.ts';
import { readModel } from '../../support/model-files.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
const OPTIONS = { buffer_size: 2, max_staleness: 10, server_learning_rate: 0.5 };
const HOW = { type: 'fedbuff', workflowOptions: OPTIONS, inOrder: true, rules: { numRounds: 4 } } as const;
const start = (more: FakeRunOptions = {}, folder = join(root, String(count++))) =>
  startFakeRun(folder, { ...HOW, ...more });

async function outcome(run: FakeRun) {
  const bytes = await readFile(await run.done);
  const { position, states, rounds } = run.history();
  return { bytes, position, states, rounds };
}

const logOf = async ({ folder }: FakeRun): Promise<RunEvent[]> =>
  (await Array.fromAsync(readJournal(folder.at('events.jsonl'), RUN_EVENTS))).map(({ event }) => event);

/** Who was in the buffer of each round, and by how many rounds late. */
async function buffers(run: FakeRun): Promise<string[]> {
  const found: string[] = [];
  let taken: RunEvent[] = [];
  for (const event of await logOf(run)) {
    if (event.type === 'answer.taken') taken.push(event);
    if (event.type !== 'model.made') continue;
    const late = taken.flatMap((one) =>
      one.type === 'answer.taken' ? [`${siteOf(one)}-${event.round - partsOfTask(one.task).round}`] : [],
    );
    found.push(late.join(' '));
    taken = [];
  }
  return found;
}

/** A site that is silent in these rounds, and one that fails in those. */
const moody =
  (
    silent: Readonly<Record<string, readonly number[]>>,
    failing: Readonly<Record<string, readonly number[]>> = {},
  ) =>
  (...[task, received]: Parameters<Behaviour>) => {
    if (task.name === 'train' && silent[task.site]?.includes(task.round)) return 'silent' as const;
    if (task.name === 'train' && failing[task.site]?.includes(task.round)) return { fails: 'a bad day' };
    return learn(task, received);
  };

describe('FedBuff', () => {
  it('steps from the first answers, and waits for no slower site', async () => {
    const run = await start();
    await run.done;
    expect(await buffers(run)).toEqual([
      'site-1-0 site-2-0',
      'site-10-1 site-1-0',
      'site-2-1 site-1-0',
      'site-10-1 site-1-0',
    ]);
    expect(run.history().status).toBe('running');
    expect(run.channel.tasks.at(-1)?.name).toBe('evaluate');
  });

  it('comes to what the formula of the paper does, by its log', async () => {
    const run = await start();
    const final = await readModel(await run.done);
    // Each site adds the same to all weights: what it was given, and its seed.
    let model = [1, 2, 3];
    const given = new Map<string, readonly number[]>();
    let moved: number[][] = [];
    let round = 1;
    for (const event of await logOf(run)) {
      if (event.type === 'round.opened') break;
      if (event.type === 'task.asked') given.set(siteOf(event), model);
      if (event.type === 'answer.taken') {
        const seed = run.channel.tasks.find(({ id }) => id === event.task)?.seed;
        const before = given.get(siteOf(event)) ?? [];
        const after = before.map((x) => Math.fround(Math.fround(x) + ((seed ?? 0) % 1000) / 1000));
        const staleness = 1 / Math.sqrt(1 + round - partsOfTask(event.task).round);
        moved.push(after.map((x, index) => (staleness * (x - (before[index] ?? 0))) / 2));
      }
      if (event.type === 'round.closed') {
        const step = (index: number) => moved.reduce((sum, one) => sum + (one[index] ?? 0), 0);
        model = model.map((x, index) => Math.fround(x + 0.5 * step(index)));
        moved = [];
        round += 1;
      }
    }
    for (const [index, value] of model.entries()) expect(final.weights?.data[index]).toBeCloseTo(value, 5);
  });

  it('leaves out what is too stale', async () => {
    const run = await start({ workflowOptions: { ...OPTIONS, max_staleness: 0 } });
    await run.done;
    const [, second = ''] = await buffers(run);
    // Taken, but not counted: a third one had to come.
    expect(second.split(' ')).toEqual(['site-10-1', 'site-1-0', 'site-2-0']);
    expect(run.history().rounds.get('site-10')).toBeGreaterThan(0);
  });

  it('goes on without a site that is silent or has failed, and asks it again', async () => {
    const run = await start({
      behave: moody({ 'site-1': [1] }, { 'site-2': [1] }),
      workflowOptions: { ...OPTIONS, buffer_size: 1 },
    });
    await run.done;
    expect(await buffers(run)).toEqual(['site-2-0 site-10-0', 'site-2-0', 'site-10-1', 'site-2-1']);
    expect(run.history().failureCount).toBe(1);
    expect(run.channel.cancelled).toContain('site-1');
  });

  it('ends with the failure of a site where no other is at work', async () => {
    const all = ['site-1', 'site-2', 'site-10'];
    const behave = moody({}, Object.fromEntries(all.map((site) => [site, [1]])));
    const run = await start({ behave });
    await expect(run.done).rejects.toMatchObject({ code: 'NF_REPORTED_FAILURE', message: 'a bad day' });
  });

  it('asks who came back with a stale answer where failures leave too few for a step', async () => {
    const short = { behave: moody({}, { 'site-2': [2] }), workflowOptions: { ...OPTIONS, max_staleness: 0 } };
    const run = await start(short);
    const wanted = await outcome(run);
    const [, second = ''] = await buffers(run);
    expect(second.split(' ')).toEqual(['site-10-1', 'site-1-0', 'site-2-0', 'site-10-0']);
    const asked = (await logOf(run)).findLastIndex(
      (event) => event.type === 'task.asked' && event.task === 'train/2/site-10',
    );
    for (const cut of [asked, asked + 1, asked + 2]) {
      const folder = join(root, `short-${cut}`);
      await (await start({ ...short, wrapJournal: dyingAfter(cut) }, folder)).done.catch(() => undefined);
      expect(await outcome(await start(short, folder))).toEqual(wanted);
    }
  });

  it('is refused where its buffer is larger than its sites are many', async () => {
    const run = await start({ workflowOptions: { ...OPTIONS, buffer_size: 4 } });
    await expect(run.done).rejects.toMatchObject({
      code: 'NF_ROUND_MEMBERS',
      message: expect.stringContaining('buffer_size is 4'),
    });
  });

  it('ignores an answer that comes twice, and one of a site that has no task', async () => {
    const run = await start({
      onEvent: (event, channel) => {
        if (event.type !== 'result.accepted' || partsOfTask(event.task).round !== 1) return;
        channel.emit({ type: 'result', task: event.task, result: event.result });
        channel.emit({ type: 'result', task: `train/9/${siteOf(event)}`, result: event.result });
      },
    });
    await run.done;
    expect(new Set(run.channel.verdicts)).toEqual(new Set(['duplicate', 'late']));
  });
});

describe('a run of FedBuff that was killed', () => {
  let whole: Awaited<ReturnType<typeof outcome>>;
  let events = 0;

  beforeAll(async () => {
    const run = await start();
    whole = await outcome(run);
    events = (await logOf(run)).length - 2;
    expect(events).toBeGreaterThan(40);
  });

  it('at any of its events ends with the same bytes', async () => {
    for (let cut = 1; cut <= events; cut++) {
      const folder = join(root, `cut-${cut}`);
      const first = await start({ wrapJournal: dyingAfter(cut) }, folder);
      // One that was killed behind its last round has come to its end.
      await first.done.catch((error: unknown) => expect(error).toEqual(new Error('killed')));
      expect({ cut, ...(await outcome(await start({}, folder))) }).toEqual({ cut, ...whole });
    }
  });

  it('gives sites their tasks again before it looks for others: what they send meanwhile is theirs', async () => {
    const folder = join(root, 'outstanding');
    const slow = { behave: moody({ 'site-10': [1] }) };
    const whole = await start(slow);
    await whole.done;
    const closed = (await logOf(whole)).findIndex(({ type }) => type === 'round.closed');
    await (await start({ ...slow, wrapJournal: dyingAfter(closed - 1) }, folder)).done.catch(() => undefined);
    const run = await start({}, folder);
    await run.done;
    expect(run.channel.calls.slice(0, 2)).toEqual(['train/1/site-10', 'ready']);
  });

  it('again and again ends with the same bytes', async () => {
    const folder = join(root, 'again');
    for (let times = 0; times < 15; times++)
      await (await start({ wrapJournal: dyingAfter(3) }, folder)).done.catch(() => undefined);
    expect(await outcome(await start({}, folder))).toEqual(whole);
  });
});
