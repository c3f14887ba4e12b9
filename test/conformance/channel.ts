import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { partsOfTask } from '../../src/runtime/algorithms/task.ts';
import { sha256 } from '../../src/runtime/base/digest.ts';
import {
  type Channel,
  type SiteAnswer,
  type SiteTask,
  siteOf,
} from '../../src/runtime/federation/channel.ts';
import type { FileRef } from '../../src/runtime/run/events.ts';
import type { RunFolder } from '../../src/runtime/run/run-folder.ts';
import type { Behaviour } from '../support/fake-channel.ts';
import { readModel } from '../support/model-files.ts';
import { siteTaskOf } from '../support/site-tasks.ts';

/** What sites do with a task: as a script, and as a pretended site says what came of it. */
export interface SiteWork {
  readonly script: string;
  readonly behave: Behaviour;
}

/** A channel with its sites, ready to work; model 0 is one float32 array `weights` of four numbers. */
export interface ChannelFixture {
  readonly channel: Channel;
  readonly folder: RunFolder;
  readonly model: FileRef;
  /** The side of the coordinator ends with its channel, and begins again with another one; sites and files stay. */
  restart(): Promise<Channel>;
  close(): Promise<void>;
}

/** Makes a channel with five sites, `site-1` to `site-5`, that do this; at most two tasks need to run at the same time. */
export type MakeChannel = (work: SiteWork) => Promise<ChannelFixture>;

const LOOP = (body: string) => `import * as flare from 'neuroflare/client';
await flare.init();
while (await flare.isRunning()) {
  const { params, currentRound } = await flare.receive();
  ${body}
}
`;
const PAUSE = (ms: number) => `await new Promise((resolve) => setTimeout(resolve, ${ms}));`;
const SENDS_SEED: SiteWork = {
  script: LOOP(
    `await flare.send(flare.isEvaluate() ? { metrics: { seen: 1 } } : { params, metrics: { seed: flare.seed(), round: currentRound } });`,
  ),
  behave: ({ name, seed, round }, params) =>
    name === 'evaluate' ? { metrics: { seen: 1 } } : { params, metrics: { seed, round } },
};
const COUNTS_STATE: SiteWork = {
  script: LOOP(`
  const times = (flare.loadState() ?? 0) + 1;
  flare.saveState(times);
  await flare.send({ params, metrics: { times } });`),
  behave: ({ state }, params) => ({ params, metrics: { times: state ? 2 : 1 } }),
};
const FAILS: SiteWork = {
  script: LOOP(`throw new Error('the site broke');`),
  behave: () => ({ fails: 'the site broke' }),
};
const FAILS_ONCE: SiteWork = {
  script: LOOP(`if (currentRound === 1) throw new Error('once'); await flare.send({ params });`),
  behave: ({ round }, params) => (round === 1 ? { fails: 'once' } : { params }),
};
const PAUSES_IN_ROUND_1: SiteWork = {
  script: LOOP(`if (currentRound === 1) { ${PAUSE(60_000)} } await flare.send({ params });`),
  behave: ({ round }, params) => (round === 1 ? 'silent' : { params }),
};
const LOOPS_IN_ROUND_1: SiteWork = {
  ...PAUSES_IN_ROUND_1,
  script: LOOP(`while (currentRound === 1); await flare.send({ params });`),
};
const TAKES_TIME: SiteWork = {
  script: LOOP(`${PAUSE(50)} await flare.send({ params });`),
  behave: (_task, params) => ({ params }),
};
/** For what must not come any more, in milliseconds. */
const A_WHILE = 150;

/** What every channel promises, whatever lies behind it. */
export function describeChannel(name: string, make: MakeChannel): void {
  describe(`the channel ${name}`, () => {
    let fixture: ChannelFixture | undefined;
    let answers: SiteAnswer[] = [];

    afterEach(async () => {
      await fixture?.close();
    });

    const hear = (channel: Channel, onAnswer: (answer: SiteAnswer) => void = () => undefined) =>
      channel.listen(async (answer) => {
        answers.push(answer);
        onAnswer(answer);
        return 'accepted';
      });
    const open = async (work: SiteWork): Promise<ChannelFixture> => {
      fixture = await make(work);
      answers = [];
      hear(fixture.channel);
      return fixture;
    };
    const task = (
      site: string,
      round = 1,
      over: Partial<SiteTask> & { name?: 'evaluate' } = {},
    ): SiteTask => {
      if (!fixture) throw new Error('no channel');
      return siteTaskOf({ site, round, seed: 100 + round, model: fixture.model, ...over });
    };
    const ends = () => answers.filter(({ type }) => type === 'result' || type === 'failure');
    const ended = async (count: number) => {
      await expect.poll(() => ends().length, { interval: 10 }).toBeGreaterThanOrEqual(count);
      return ends();
    };
    const nothingMore = () => new Promise((resolve) => setTimeout(resolve, A_WHILE));
    const started = () => expect.poll(() => answers.length, { interval: 10 }).toBeGreaterThan(0);
    const typesOf = (all: readonly SiteAnswer[]) =>
      all.map(({ type, task: id }) => [type, partsOfTask(id).round]);
    const resultOf = (answer: SiteAnswer | undefined) => {
      if (answer?.type !== 'result') throw new Error(`no result: ${JSON.stringify(answer)}`);
      return answer.result;
    };

    it('says that a task has started, then its result, once', async () => {
      const { channel } = await open(SENDS_SEED);
      channel.assign(task('site-1'));
      await ended(1);
      await nothingMore();
      expect(typesOf(answers)).toEqual([
        ['started', 1],
        ['result', 1],
      ]);
      expect(resultOf(answers[1])).toMatchObject({
        site: 'site-1',
        metrics: { seed: 101, round: 1 },
        paramsType: 'FULL',
      });
    });

    it('has the files of a result on disk when it reports it', async () => {
      const { channel, folder } = await open(COUNTS_STATE);
      let whole: boolean | undefined;
      hear(channel, (answer) => {
        if (answer.type !== 'result') return;
        const { files, state } = answer.result;
        whole = [files.model, state].every((file) => file !== undefined && existsSync(folder.at(file.path)));
      });
      channel.assign(task('site-1'));
      const { files } = resultOf((await ended(1))[0]);
      const update = files.model;
      expect(whole).toBe(true);
      expect(sha256(await readFile(folder.at(update?.path ?? '')))).toBe(update?.sha256);
      expect([...((await readModel(folder.at(update?.path ?? ''))).weights?.data ?? [])]).toHaveLength(4);
    });

    it('sends no params back from an evaluation', async () => {
      const { channel } = await open(SENDS_SEED);
      channel.assign(task('site-1', 4, { name: 'evaluate' }));
      const result = resultOf((await ended(1))[0]);
      expect(result).toMatchObject({ metrics: { seen: 1 } });
      expect(result.files).toEqual({});
    });

    it('answers every site, also with more sites than run at once', async () => {
      const { channel } = await open(SENDS_SEED);
      const sites = ['site-1', 'site-2', 'site-3', 'site-4', 'site-5'];
      for (const site of sites) channel.assign(task(site));
      expect((await ended(5)).map(siteOf).sort()).toEqual(sites);
    });

    it('serves one round after another', async () => {
      const { channel } = await open(SENDS_SEED);
      for (const round of [1, 2, 3]) {
        channel.assign(task('site-1', round));
        await ended(round);
      }
      expect(ends().map((answer) => resultOf(answer).metrics.round)).toEqual([1, 2, 3]);
    });

    it('hands a site what it kept', async () => {
      const { channel } = await open(COUNTS_STATE);
      channel.assign(task('site-1', 1));
      const { state } = resultOf((await ended(1))[0]);
      channel.assign(task('site-1', 2, state && { state }));
      expect(resultOf((await ended(2))[1]).metrics).toEqual({ times: 2 });
    });

    it('reports a failure with its site, round and place', async () => {
      const { channel } = await open(FAILS);
      channel.assign(task('site-2', 2));
      expect((await ended(1))[0]).toMatchObject({
        type: 'failure',
        task: 'train/2/site-2',
        error: {
          code: 'NF_SCRIPT_FAILED',
          message: expect.stringContaining('the site broke'),
          place: { site: 'site-2', round: 2 },
        },
      });
    });

    it('goes on with other sites, and with the same one, after a failure', async () => {
      const { channel } = await open(FAILS_ONCE);
      channel.assign(task('site-1', 1));
      await ended(1);
      channel.assign(task('site-1', 2));
      channel.assign(task('site-2', 2));
      const [, ...rest] = await ended(3);
      expect(rest.map(({ type }) => type)).toEqual(['result', 'result']);
    });

    it('never answers a task that was cancelled while it ran', async () => {
      const { channel } = await open(PAUSES_IN_ROUND_1);
      channel.assign(task('site-1', 1));
      await started();
      channel.cancel('train/1/site-1');
      channel.assign(task('site-1', 2));
      await ended(1);
      expect(typesOf(ends())).toEqual([['result', 2]]);
    });

    it('ends a cancelled task though it is in an endless loop', async () => {
      const { channel } = await open(LOOPS_IN_ROUND_1);
      channel.assign(task('site-1', 1));
      await started();
      channel.cancel('train/1/site-1');
      channel.assign(task('site-1', 2));
      expect((await ended(1))[0]).toMatchObject({ type: 'result', task: 'train/2/site-1' });
    });

    it('never starts a task that was cancelled while it waited', async () => {
      const { channel } = await open(TAKES_TIME);
      for (const site of ['site-1', 'site-2', 'site-3', 'site-4']) channel.assign(task(site));
      channel.cancel('train/1/site-4');
      expect((await ended(3)).map(siteOf).sort()).toEqual(['site-1', 'site-2', 'site-3']);
      await nothingMore();
      expect(answers.some((answer) => siteOf(answer) === 'site-4')).toBe(false);
    });

    it('does not mind the cancelling of a task that its site does not have', async () => {
      const { channel } = await open(SENDS_SEED);
      channel.cancel('train/1/site-1');
      channel.assign(task('site-1', 2));
      channel.cancel('train/1/site-1');
      expect((await ended(1))[0]).toMatchObject({ type: 'result', task: 'train/2/site-1' });
      channel.cancel('train/2/site-1');
      channel.cancel('train/1/nobody');
    });

    it('never answers a task that is cancelled while it says that it has started', async () => {
      const { channel } = await open(SENDS_SEED);
      hear(channel, ({ type, task: id }) => {
        if (type === 'started' && id === 'train/1/site-1') channel.cancel(id);
      });
      channel.assign(task('site-1', 1));
      await started();
      channel.assign(task('site-1', 2));
      await ended(1);
      await nothingMore();
      expect(typesOf(ends())).toEqual([['result', 2]]);
    });

    it('never answers a task in whose place another one came', async () => {
      const { channel } = await open(SENDS_SEED);
      hear(channel, ({ type, task: id }) => {
        if (type === 'started' && id === 'train/1/site-1') channel.assign(task('site-1', 2));
      });
      channel.assign(task('site-1', 1));
      await ended(1);
      await nothingMore();
      expect(typesOf(ends())).toEqual([['result', 2]]);
    });

    it('says of each task that it has started before it says what came of it', async () => {
      const { channel } = await open(SENDS_SEED);
      const sites = ['site-1', 'site-2', 'site-3'];
      for (const site of sites) channel.assign(task(site));
      await ended(3);
      for (const site of sites)
        expect(answers.filter((answer) => siteOf(answer) === site).map(({ type }) => type)).toEqual([
          'started',
          'result',
        ]);
    });

    it('has the others answer while one site is silent', async () => {
      const { channel } = await open(PAUSES_IN_ROUND_1);
      channel.assign(task('site-1', 1));
      await started();
      for (const site of ['site-2', 'site-3']) channel.assign(task(site, 2));
      expect((await ended(2)).map(siteOf).sort()).toEqual(['site-2', 'site-3']);
      channel.cancel('train/1/site-1');
    });

    it('goes on with other tasks where an answer could not be kept', async () => {
      const { channel } = await open(SENDS_SEED);
      channel.listen(async (answer) => {
        answers.push(answer);
        if (answer.type === 'result' && answer.task === 'train/1/site-1') throw new Error('the disk is full');
        return 'accepted';
      });
      channel.assign(task('site-1', 1));
      await ended(1);
      channel.cancel('train/1/site-1');
      channel.assign(task('site-1', 2));
      channel.assign(task('site-2', 2));
      const second = () =>
        answers.filter(({ type, task: id }) => type === 'result' && partsOfTask(id).round === 2);
      await expect.poll(() => second().map(siteOf).sort(), { interval: 10 }).toEqual(['site-1', 'site-2']);
    });

    it('says which sites can take a task, in site order, and to nobody who has been stopped', async () => {
      const { channel } = await open(SENDS_SEED);
      const need = { least: 2, mandatory: ['site-3'] };
      const { signal } = new AbortController();
      const all = ['site-1', 'site-2', 'site-3', 'site-4', 'site-5'];
      await expect(channel.ready({ ...need, signal })).resolves.toEqual(all);
      const stopped = AbortSignal.abort(new Error('the run was stopped'));
      await expect(channel.ready({ ...need, signal: stopped })).rejects.toThrow('the run was stopped');
    });

    it('gives a task that was given before a restart the same answer', async () => {
      const { channel, restart } = await open(SENDS_SEED);
      channel.assign(task('site-1'));
      const { seconds: _before, ...before } = resultOf((await ended(1))[0]);
      const next = await restart();
      hear(next);
      next.assign(task('site-1'));
      const { seconds: _after, ...after } = resultOf((await ended(2))[1]);
      expect(after).toEqual(before);
    });

    it('answers what was under way at a restart once, to who came after it', async () => {
      const { channel, restart } = await open(TAKES_TIME);
      const before: SiteAnswer[] = [];
      let next: Promise<Channel> | undefined;
      channel.listen(async (answer) => {
        before.push(answer);
        next ??= restart();
        return 'accepted';
      });
      channel.assign(task('site-1'));
      await expect.poll(() => next, { interval: 10 }).toBeDefined();
      const after = await next;
      if (!after) throw new Error('no channel');
      hear(after);
      after.assign(task('site-1'));
      await ended(1);
      await nothingMore();
      expect(before.map(({ type }) => type)).toEqual(['started']);
      expect(ends().map(({ type }) => type)).toEqual(['result']);
    });
  });
}
