import { describe, expect, it } from 'vitest';
import * as flare from '../../../src/api/client.ts';
import { COMMON_TASKS } from '../../../src/runtime/algorithms/task.ts';
import { inSession } from '../../../src/runtime/site/client-api/flare.ts';
import { Session, type SessionContext } from '../../../src/runtime/site/client-api/session.ts';
import { float32 } from '../../support/param-sets.ts';

function inTask(work: () => Promise<unknown>, over: Partial<SessionContext> = {}): Promise<unknown> {
  return inSession(
    new Session({
      task: 'train',
      form: COMMON_TASKS.train,
      files: {},
      site: 'site-1',
      jobName: 'job',
      currentRound: 1,
      totalRounds: 3,
      seed: 5,
      args: { learning_rate: 0.5 },
      data: undefined,
      model: undefined,
      params: { a: float32([1]) },
      state: undefined,
      ...over,
    }),
    work,
  );
}

describe('the Client API', () => {
  it('tells a script of its task', async () => {
    await inTask(async () => {
      const told = [flare.siteName(), flare.jobName(), flare.seed(), flare.isTrain(), flare.isEvaluate()];
      expect(told).toEqual(['site-1', 'job', 5, true, false]);
      expect(flare.args<{ learning_rate: number }>().learning_rate).toBe(0.5);
    });
  });

  it('runs the loop of a script once for each task', async () => {
    let turns = 0;
    await inTask(async () => {
      await flare.init();
      while (await flare.isRunning()) {
        const { params } = await flare.receive();
        await flare.send({ params });
        turns += 1;
      }
    });
    expect(turns).toBe(1);
  });

  it('hands out data and model where the job names them', async () => {
    const over = {
      task: 'evaluate',
      form: COMMON_TASKS.evaluate,
      data: { root: '/bids', site: 'site-1' },
      model: { type: 'mri-cnn' },
    } as const;
    await inTask(async () => {
      expect(flare.data().root).toBe('/bids');
      expect(flare.model<{ type: string }>().type).toBe('mri-cnn');
      expect(flare.isEvaluate()).toBe(true);
    }, over);
  });

  it.each([
    ['data', async () => flare.data(), 'the job names no data'],
    ['model', async () => flare.model(), 'starts from arrays'],
  ])('says what to set where there is no %s', async (_, call, message) => {
    await expect(inTask(call)).rejects.toMatchObject({
      code: 'NF_SCRIPT_USE',
      message: expect.stringContaining(message),
    });
  });

  it('does not let what an ended task left running answer for the next one', async () => {
    let left: Promise<string> = Promise.resolve('');
    await inTask(async () => {
      await flare.send({ params: (await flare.receive()).params });
      left = new Promise((resolve) => setTimeout(resolve, 10)).then(
        () => `${flare.siteName()} ${flare.seed()}`,
      );
    });
    await inTask(() => left, { site: 'site-2', seed: 6 });
    expect(await left).toBe('site-1 5');
  });

  it.each([
    ['init', () => flare.init()],
    ['isRunning', () => flare.isRunning()],
    ['receive', () => flare.receive()],
    ['send', () => flare.send({})],
    ['seed', async () => flare.seed()],
    ['loadState', async () => flare.loadState()],
  ])('outside a task says how scripts are run: %s', async (_, call) => {
    await expect(call()).rejects.toMatchObject({
      code: 'NF_SCRIPT_USE',
      hint: expect.stringContaining('neuroflare simulate'),
    });
  });
});
