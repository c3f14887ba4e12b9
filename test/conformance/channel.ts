import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/runtime/base/digest.ts';
import type { Channel, SiteAnswer, SiteTask } from '../../src/runtime/federation/channel.ts';
import type { FileRef } from '../../src/runtime/run/events.ts';
import type { RunFolder } from '../../src/runtime/run/run-folder.ts';
import { readModel } from '../support/model-files.ts';

/** A channel with its sites, ready to work; model 0 is one float32 array `weights` of four numbers. */
export interface ChannelFixture {
  readonly channel: Channel;
  readonly folder: RunFolder;
  readonly model: FileRef;
  close(): Promise<void>;
}

/** Makes a channel whose sites run this script; at most two tasks need to run at the same time. */
export type MakeChannel = (script: string) => Promise<ChannelFixture>;

const LOOP = (body: string) => `import * as flare from 'neuroflare/client';
await flare.init();
while (await flare.isRunning()) {
  const { params, currentRound } = await flare.receive();
  ${body}
}
`;
const PAUSE = (ms: number) => `await new Promise((resolve) => setTimeout(resolve, ${ms}));`;
const SEND_SEED = LOOP(
  `await flare.send(flare.isEvaluate() ? { metrics: { seen: 1 } } : { params, metrics: { seed: flare.seed(), round: currentRound } });`,
);
const COUNTS_STATE = LOOP(`
  const times = (flare.loadState() ?? 0) + 1;
  flare.saveState(times);
  await flare.send({ params, metrics: { times } });`);

/** What every channel promises, whatever lies behind it. */
export function describeChannel(name: string, make: MakeChannel): void {
  describe(`the channel ${name}`, () => {
    let fixture: ChannelFixture | undefined;
    let answers: SiteAnswer[] = [];

    afterEach(async () => {
      await fixture?.close();
    });

    const open = async (script: string): Promise<ChannelFixture> => {
      fixture = await make(script);
      answers = [];
      fixture.channel.listen(async (answer) => {
        answers.push(answer);
        return 'accepted';
      });
      return fixture;
    };
    const task = (site: string, round = 1, over: Partial<SiteTask> = {}): SiteTask => {
      if (!fixture) throw new Error('no channel');
      return { site, round, kind: 'train', totalRounds: 3, seed: 100 + round, model: fixture.model, ...over };
    };
    const ends = () => answers.filter(({ type }) => type === 'result' || type === 'failure');
    const ended = async (count: number) => {
      await expect.poll(() => ends().length, { interval: 10 }).toBeGreaterThanOrEqual(count);
      return ends();
    };
    const siteOf = (answer: SiteAnswer) => (answer.type === 'result' ? answer.result.site : answer.site);
    const resultOf = (answer: SiteAnswer | undefined) => {
      if (answer?.type !== 'result') throw new Error(`no result: ${JSON.stringify(answer)}`);
      return answer.result;
    };

    it('says that a task has started, then its result, once', async () => {
      const { channel } = await open(SEND_SEED);
      channel.assign(task('site-1'));
      await ended(1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(answers.map(({ type, round }) => [type, round])).toEqual([
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
      channel.listen(async (answer) => {
        answers.push(answer);
        if (answer.type !== 'result') return 'accepted';
        const { update, state } = answer.result;
        whole = [update, state].every((file) => file !== undefined && existsSync(folder.at(file.path)));
        return 'accepted';
      });
      channel.assign(task('site-1'));
      const { update } = resultOf((await ended(1))[0]);
      expect(whole).toBe(true);
      expect(sha256(await readFile(folder.at(update?.path ?? '')))).toBe(update?.sha256);
      expect([...((await readModel(folder.at(update?.path ?? ''))).weights?.data ?? [])]).toHaveLength(4);
    });

    it('sends no params back from an evaluation', async () => {
      const { channel } = await open(SEND_SEED);
      channel.assign(task('site-1', 4, { kind: 'evaluate' }));
      const result = resultOf((await ended(1))[0]);
      expect(result).toMatchObject({ metrics: { seen: 1 } });
      expect(result.update).toBeUndefined();
    });

    it('answers every site, also with more sites than run at once', async () => {
      const { channel } = await open(SEND_SEED);
      const sites = ['site-1', 'site-2', 'site-3', 'site-4', 'site-5'];
      for (const site of sites) channel.assign(task(site));
      expect((await ended(5)).map(siteOf).sort()).toEqual(sites);
    });

    it('serves one round after another', async () => {
      const { channel } = await open(SEND_SEED);
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
      const { channel } = await open(LOOP(`throw new Error('the site broke');`));
      channel.assign(task('site-2', 2));
      expect((await ended(1))[0]).toMatchObject({
        type: 'failure',
        site: 'site-2',
        round: 2,
        error: {
          code: 'NF_SCRIPT_FAILED',
          message: expect.stringContaining('the site broke'),
          place: { site: 'site-2', round: 2, line: 5 },
        },
      });
    });

    it('goes on with other sites, and with the same one, after a failure', async () => {
      const { channel } = await open(
        LOOP(`if (currentRound === 1) throw new Error('once'); await flare.send({ params });`),
      );
      channel.assign(task('site-1', 1));
      await ended(1);
      channel.assign(task('site-1', 2));
      channel.assign(task('site-2', 2));
      const [, ...rest] = await ended(3);
      expect(rest.map(({ type }) => type)).toEqual(['result', 'result']);
    });

    it('never answers a task that was cancelled while it ran', async () => {
      const { channel } = await open(
        LOOP(`if (currentRound === 1) { ${PAUSE(60_000)} } await flare.send({ params });`),
      );
      channel.assign(task('site-1', 1));
      await expect.poll(() => answers.length).toBe(1);
      channel.cancel('site-1');
      channel.assign(task('site-1', 2));
      await ended(1);
      expect(ends().map(({ type, round }) => [type, round])).toEqual([['result', 2]]);
    });

    it('ends a cancelled task though it is in an endless loop', async () => {
      const { channel } = await open(LOOP(`while (currentRound === 1); await flare.send({ params });`));
      channel.assign(task('site-1', 1));
      await expect.poll(() => answers.length).toBe(1);
      channel.cancel('site-1');
      channel.assign(task('site-1', 2));
      expect((await ended(1))[0]).toMatchObject({ type: 'result', round: 2 });
    });

    it('never starts a task that was cancelled while it waited', async () => {
      const { channel } = await open(LOOP(`${PAUSE(50)} await flare.send({ params });`));
      for (const site of ['site-1', 'site-2', 'site-3', 'site-4']) channel.assign(task(site));
      channel.cancel('site-4');
      expect((await ended(3)).map(siteOf).sort()).toEqual(['site-1', 'site-2', 'site-3']);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(answers.some((answer) => siteOf(answer) === 'site-4')).toBe(false);
    });

    it('does not mind the cancelling of a site without a task', async () => {
      const { channel } = await open(SEND_SEED);
      channel.cancel('site-1');
      channel.assign(task('site-1'));
      expect((await ended(1))[0]).toMatchObject({ type: 'result' });
      channel.cancel('site-1');
      channel.cancel('nobody');
    });
  });
}
