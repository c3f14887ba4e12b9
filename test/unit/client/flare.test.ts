import { afterEach, describe, expect, it } from 'vitest';
import * as flare from '../../../src/api/client.ts';
import { openSession } from '../../../src/runtime/train/client/flare.ts';
import { Session, type SessionContext } from '../../../src/runtime/train/client/session.ts';
import { float32 } from '../../support/param-sets.ts';

function open(over: Partial<SessionContext> = {}): void {
  openSession(
    new Session({
      kind: 'train',
      site: 'site-1',
      jobName: 'job',
      currentRound: 1,
      totalRounds: 3,
      seed: 5,
      framework: 'numpy',
      args: { learning_rate: 0.5 },
      data: undefined,
      model: undefined,
      params: { a: float32([1]) },
      state: undefined,
      ...over,
    }),
  );
}

afterEach(() => openSession(undefined));

describe('the Client API', () => {
  it('tells a script of its task', () => {
    open();
    expect([flare.siteName(), flare.jobName(), flare.seed(), flare.isTrain(), flare.isEvaluate()]).toEqual([
      'site-1',
      'job',
      5,
      true,
      false,
    ]);
    expect(flare.args<{ learning_rate: number }>().learning_rate).toBe(0.5);
  });

  it('runs the loop of a script once for each task', async () => {
    open();
    await flare.init();
    let turns = 0;
    while (await flare.isRunning()) {
      const { params } = await flare.receive();
      await flare.send({ params });
      turns += 1;
    }
    expect(turns).toBe(1);
  });

  it('hands out data and model where the job names them', () => {
    open({ kind: 'evaluate', data: { root: '/bids', site: 'site-1' }, model: { type: 'mri-cnn' } });
    expect(flare.data().root).toBe('/bids');
    expect(flare.model<{ type: string }>().type).toBe('mri-cnn');
    expect(flare.isEvaluate()).toBe(true);
  });

  it.each([
    ['data', () => flare.data(), 'the job names no data'],
    ['model', () => flare.model(), 'starts from arrays'],
  ])('says what to set where there is no %s', (_, call, message) => {
    open();
    expect(call).toThrow(
      expect.objectContaining({ code: 'NF_SCRIPT_USE', message: expect.stringContaining(message) }),
    );
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
