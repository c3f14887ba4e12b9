import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadJob } from '../../../src/runtime/job/load.ts';
import type { RunEvent } from '../../../src/runtime/run/events.ts';
import { readEvents } from '../../../src/runtime/run/stored-runs.ts';
import type { Behaviour } from '../../support/fake-channel.ts';
import { dyingAfter, type FakeRun, type FakeRunOptions, startFakeRun } from '../../support/fake-run.ts';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { readModel } from '../../support/model-files.ts';
import { summaryOf } from '../../support/simulate-quietly.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();

/** The key metric of model 0, model 1 and so on. */
const FIGURES = [0.25, 0.5, 0.5625, 0.53, 0.75, 0.875, 0.9];

/** Every site adds the number of the round, so model n is the first one and 1 + … + n. */
const counting: Behaviour = (task, { weights }) => {
  if (!weights) return { fails: 'no weights' };
  const round = Number(task.id.split('/')[1]);
  const params = { weights: { ...weights, data: weights.data.map((x) => x + round) } };
  return { params, metrics: { accuracy: FIGURES[round - 1] ?? 0 }, numExamples: 1 };
};

const START = { behave: counting, rules: { numRounds: 7 } } satisfies FakeRunOptions;
const STOPPING = { early_stopping_patience: 2, early_stopping_min_delta: 0.0625 };

async function outcome(run: FakeRun) {
  const { weights } = await readModel(await run.done);
  const { position, best, last } = run.history();
  const events: RunEvent[] = await Array.fromAsync(readEvents(run.folder));
  const notes = events.flatMap((event) => (event.type === 'round.closed' ? (event.notes ?? []) : []));
  return {
    weights: [...(weights?.data ?? [])],
    position,
    best,
    last: last?.round,
    notes,
    closed: run.closed,
  };
}

const ran = async (name: string, workflowOptions: object, more: Partial<FakeRunOptions> = {}) =>
  startFakeRun(join(root, name), { ...START, workflowOptions, ...more });

describe('early stopping', () => {
  it('ends training when models are no better for so many rounds, scores the last one and says so', async () => {
    const { last, position, notes, weights } = await outcome(await ran('stopped', STOPPING));
    // 0.5625 is not better than 0.5 by more than 0.0625, nor is 0.53: round 4 has scored model 3, and made model 4.
    expect(position?.round).toBe(4);
    expect(last).toBe(5);
    expect(weights).toEqual([11, 12, 13]);
    expect(notes).toEqual([
      'training ended after round 4 of 7: accuracy has not risen by more than 0.0625 in the last 2 models (workflow.early_stopping_patience)',
    ]);
  });

  it('goes on while models are better, and says nothing where all rounds were run', async () => {
    const more = { early_stopping_patience: 2, early_stopping_min_delta: 0.01 };
    const { position, notes } = await outcome(await ran('better', more));
    expect(position?.round).toBe(7);
    expect(notes).toEqual([]);
    const sinks = { rules: { numRounds: 7, keyMetricGoal: 'minimize' as const } };
    const { position: at, notes: said } = await outcome(
      await ran('sinks', { early_stopping_patience: 3 }, sinks),
    );
    expect(at?.round).toBe(4);
    expect(said).toEqual([expect.stringContaining('has not fallen in the last 3 models')]);
  });

  it('counts no round in which no site can give the figure', async () => {
    const behave: Behaviour = (task, received) => {
      const reply = counting(task, received);
      if (reply === 'silent' || 'fails' in reply) return reply;
      return { ...reply, metrics: { accuracy: null } };
    };
    const { position } = await outcome(await ran('none', { early_stopping_patience: 1 }, { behave }));
    expect(position?.round).toBe(7);
  });

  it('keeps what the sites sent last for cross-site evaluation', async () => {
    const run = await ran('cross-site', { ...STOPPING, cross_site_evaluation: true });
    await outcome(run);
    const validated = run.channel.tasks.filter(({ id }) => id.startsWith('validate/5/'));
    expect(validated).toHaveLength(9);
  });
});

describe('the average of the models', () => {
  it('is what a run ends with: by hand, from the model of the first round on', async () => {
    const { weights, position, best, notes } = await outcome(await ran('average', { ema_decay: 0.5 }));
    let [average, model] = [0, 1];
    for (let round = 1; round <= 7; round++) {
      model += round;
      average = round === 1 ? model : (average + model) / 2;
    }
    expect(weights).toEqual([average, average + 1, average + 2]);
    expect(notes).toEqual([
      expect.stringContaining('model 7, the last one, is the exponential moving average'),
    ]);
    // Sites went on from the newest model.
    expect(position?.round).toBe(7);
    expect((await readModel(join(root, 'average', position?.model.path ?? ''))).weights?.data[0]).toBe(29);
    expect(best?.round).toBe(6);
  });

  it('goes beside what the server keeps for its optimizer', async () => {
    const momentum = { server_optimizer: 'sgd', server_learning_rate: 1, server_momentum: 0.5 };
    const fedopt = { ...momentum, server_beta2: 0.99, server_tau: 0.001 };
    const { weights } = await outcome(
      await ran('optimizer', { ...fedopt, ema_decay: 0.25 }, { type: 'fedopt', rules: { numRounds: 3 } }),
    );
    let [average, model, velocity] = [0, 1, 0];
    for (let round = 1; round <= 3; round++) {
      velocity = 0.5 * velocity + round;
      model += velocity;
      average = round === 1 ? model : 0.25 * average + 0.75 * model;
    }
    expect(weights[0]).toBeCloseTo(average, 6);
  });
});

describe('a run with both, that was killed', () => {
  const options = { ...STOPPING, ema_decay: 0.5 };
  const EVENTS = 42;
  let whole: Awaited<ReturnType<typeof outcome>>;

  beforeAll(async () => {
    const run = await ran('whole', options);
    whole = await outcome(run);
    expect(run.shown.filter(({ type }) => type !== 'task.started')).toHaveLength(EVENTS);
    expect(whole.notes).toHaveLength(2);
  });

  it.each(Array.from({ length: EVENTS / 3 }, (_, index) => 3 * (index + 1)))(
    'at its event %i ends with the same numbers and figures',
    async (cut) => {
      const name = `cut-${cut}`;
      const first = await ran(name, options, { wrapJournal: dyingAfter(cut), shuffle: cut });
      await expect(first.done).rejects.toThrow('killed');
      expect(await outcome(await ran(name, options, { shuffle: cut + 100 }))).toEqual(whole);
    },
  );
});

describe('a simulation', () => {
  const simulated = (name: string, rounds: number, more: { resume?: string; place?: string } = {}) =>
    writeJob(join(root, name), {
      script: TINY_SCRIPT.replace('accuracy: data', 'accuracy: currentRound > 3 ? 0.5 : data').replace(
        '{ params }',
        '{ params, currentRound }',
      ),
      patch: {
        name: 'averaged',
        workflow: { num_rounds: rounds, key_metric: 'accuracy', ema_decay: 0.9, early_stopping_patience: 2 },
      },
    }).then((job) =>
      summaryOf(job, {
        workspace: join(root, more.place ?? name),
        ...(more.resume && { resume: more.resume }),
      }),
    );

  it('says why it ended, and goes on as a longer one to the bits of one that was long from the beginning', async () => {
    const whole = await simulated('long', 9);
    expect(whole.rounds).toBe(5);
    expect(whole.warnings.join('\n')).toMatch(
      /training ended after round 5 of 9: accuracy has not risen in the last 2/,
    );
    expect(whole.warnings.join('\n')).toMatch(/model 5, the last one, is the exponential moving average/);
    expect(whole.final?.model).toBe(5);
    const short = await simulated('short', 3, { place: 'both' });
    expect(short.rounds).toBe(3);
    const longer = await simulated('short', 9, { place: 'both', resume: 'latest' });
    const bytes = (file = '') => readFile(file);
    expect(await bytes(longer.final?.file)).toEqual(await bytes(whole.final?.file));
    expect(await bytes(longer.final?.file)).not.toEqual(await bytes(short.final?.file));
  });
});

describe('a job', () => {
  it.each([
    [
      { early_stopping_min_delta: 0.1 },
      /early_stopping_min_delta' has a meaning with early_stopping_patience over 0/,
    ],
    [{ early_stopping_patience: 1.5 }, /early_stopping_patience/],
    [{ early_stopping_patience: 2, early_stopping_min_delta: -1 }, /early_stopping_min_delta/],
    [{ ema_decay: 1 }, /ema_decay' must be below 1/],
    [{ type: 'fedbuff', ema_decay: 0.5 }, /ema_decay' is no option of fedbuff/],
  ])('with %j is refused by name', async (workflow, message) => {
    const job = await writeJob(join(root, JSON.stringify(workflow).replace(/\W+/g, '-')), {
      patch: { workflow },
    });
    await expect(loadJob(job)).rejects.toMatchObject({ message: expect.stringMatching(message) });
  });
});
