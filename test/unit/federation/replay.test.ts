import { describe, expect, it } from 'vitest';
import { weightedMean } from '../../../src/runtime/algorithms/reducers/weighted-mean.ts';
import { COMMON_TASKS } from '../../../src/runtime/algorithms/task.ts';
import type { Federation, Workflow } from '../../../src/runtime/algorithms/workflow.ts';
import { workflow as fedAvg } from '../../../src/runtime/algorithms/workflows/fedavg.ts';
import { sha256 } from '../../../src/runtime/base/digest.ts';
import {
  askText,
  exchangeText,
  publishText,
  Replay,
  reductionText,
} from '../../../src/runtime/federation/replay.ts';
import { inputsOf } from '../../../src/runtime/federation/tasks.ts';
import type { FileRef, RunEvent } from '../../../src/runtime/run/events.ts';
import { keyFigure } from '../../../src/runtime/run/key-metric.ts';

const ref = (name: string): FileRef => ({ path: `${name}.bin`, sha256: sha256(name) });
const result = (site: string) => ({
  site,
  paramsType: 'FULL' as const,
  numExamples: 1,
  metrics: {},
  seconds: 1,
  files: { model: ref(`${site}'s`) },
});
const accepted = (round: number, site: string): RunEvent => ({
  type: 'result.accepted',
  task: `${round === 1 ? 'train' : 'evaluate'}/${round}/${site}`,
  result: result(site),
});
const SITES = ['a', 'b'];
const RULES = { tasks: COMMON_TASKS, keyMetric: 'accuracy', keyMetricGoal: 'maximize' } as const;

/** One round of FedAvg as version 1 wrote it down, and as it is now. */
const VERSION_1: readonly RunEvent[] = [
  { type: 'run.opened' },
  { type: 'model.initial', model: ref('m0') },
  { type: 'round.opened', round: 1, name: 'train', sites: SITES, inputs: { model: ref('m0') } },
  accepted(1, 'b'),
  { type: 'run.opened', resumedFromRound: 0 },
  accepted(1, 'a'),
  { type: 'round.closed', round: 1, kind: 'train', metrics: {}, model: ref('m1') },
  { type: 'round.opened', round: 2, name: 'evaluate', sites: SITES, inputs: { model: ref('m1') } },
  accepted(2, 'a'),
  accepted(2, 'b'),
  { type: 'round.closed', round: 2, kind: 'evaluate', metrics: {} },
];
const NOW: readonly RunEvent[] = VERSION_1.flatMap((event): RunEvent[] => {
  if (event.type === 'round.opened')
    return [{ type: 'members.chosen', round: event.round, sites: SITES }, event];
  if (event.type !== 'round.closed') return [event];
  const { round, model } = event;
  const made: RunEvent[] = model
    ? [{ type: 'model.made', round, reducer: 'weighted_mean', made: { model } }]
    : [];
  return [{ type: 'round.answered', round, name: event.kind, sites: SITES }, ...made, event];
});

async function* logOf(events: readonly RunEvent[]): AsyncGenerator<RunEvent> {
  yield* events;
}

/** Runs a workflow on a log alone: its calls, and those that the log does not answer. */
async function follow(events: readonly RunEvent[], workflow: Workflow['run'] = fedAvg.run, numRounds = 1) {
  const replay = new Replay(logOf(events));
  const answered: string[] = [];
  const ask = async <Outcome>(
    name: string,
    known: Promise<{ readonly outcome: Outcome } | undefined>,
  ): Promise<Outcome> => {
    const found = await known;
    if (!found) throw new Error(`live: ${name}`);
    answered.push(name);
    return found.outcome;
  };
  const federation: Federation = {
    initial: { model: ref('m0') },
    members: (round) => ask(`members ${round}`, replay.outcome({ verb: 'members', round, asked: 'sites' })),
    exchange: (task, sites) => {
      const { name, round } = task;
      const { common, own } = inputsOf(task, sites, RULES);
      const asked = exchangeText({ sites, common, own });
      return ask(`${name} ${round}`, replay.outcome({ verb: 'exchange', name, round, asked }));
    },
    ask: (task, site) => {
      const { name, round } = task;
      const asked = askText(inputsOf(task, [site], RULES).of(site));
      return ask(`ask ${round} ${site}`, replay.outcome({ verb: 'ask', name, round, site, asked }));
    },
    next: () => ask('next', replay.outcome({ verb: 'next', round: 0, asked: 'whatever comes' })),
    reduce: (step) => {
      const asked = reductionText(step);
      return ask(`reduce ${step.round}`, replay.outcome({ verb: 'reduce', round: step.round, asked }));
    },
    keep: () => Promise.reject(new Error('nothing is kept')),
    publish: async (round, made) => {
      const asked = publishText(made);
      const metrics = await ask(`publish ${round}`, replay.outcome({ verb: 'publish', round, asked }));
      return keyFigure(metrics, RULES);
    },
  };
  const run = async () => {
    const { model } = await workflow(federation, { numRounds, maxWeightRatio: 100, options: {} });
    await replay.end();
    return model.path;
  };
  return { answered, end: await run().catch((error: unknown) => error) };
}

const CALLS = ['members 1', 'train 1', 'reduce 1', 'publish 1', 'members 2', 'evaluate 2', 'publish 2'];

describe('a workflow that runs again', () => {
  it.each([
    ['a log of version 1', VERSION_1],
    ['a log', NOW],
  ])('gets from %s what each of its calls came to', async (_, events) => {
    expect(await follow(events)).toEqual({ answered: CALLS, end: 'm1.bin' });
  });

  it.each(NOW.map((_, index) => index))('goes live where the log ends, after %i events', async (count) => {
    const { answered, end } = await follow(NOW.slice(0, count));
    expect(answered).toEqual(CALLS.slice(0, answered.length));
    expect(end).toEqual(new Error(`live: ${CALLS[answered.length]}`));
  });

  it('gets answers in site order, without those that were dropped or failed later', async () => {
    const events: RunEvent[] = [
      ...NOW.slice(0, 6),
      { type: 'result.dropped', task: 'train/1/b', reason: 'damaged' },
      accepted(1, 'a'),
      accepted(1, 'b'),
      { type: 'site.failed', task: 'train/1/a', error: { code: 'X', message: '', hint: '', exitCode: 1 } },
      { type: 'round.answered', round: 1, name: 'train', sites: SITES },
    ];
    let answers: readonly string[] = [];
    await follow(events, async (federation) => {
      const sites = await federation.members(1);
      const task = { name: 'train', round: 1, inputs: federation.initial } as const;
      answers = (await federation.exchange(task, sites)).map(({ site }) => site);
      return federation.initial;
    });
    expect(answers).toEqual(['b']);
  });

  it('is refused where the log has taken an answer that it does not have', async () => {
    const events: RunEvent[] = [
      { type: 'task.asked', task: 'train/1/a', inputs: { model: ref('m0') } },
      { type: 'answer.taken', task: 'train/1/a' },
    ];
    const { end } = await follow(events, async (federation) => {
      await federation.ask({ name: 'train', round: 1, inputs: federation.initial }, 'a');
      await federation.next();
      return federation.initial;
    });
    expect(end).toMatchObject({
      code: 'NF_RUN_REPLAY',
      message: expect.stringContaining('an answer to train/1/a'),
    });
  });

  const otherwise: [string, Workflow['run'], string, string][] = [
    [
      'other sites',
      async (federation) => {
        await federation.members(1);
        await federation.exchange({ name: 'train', round: 1, inputs: federation.initial }, ['a']);
        return federation.initial;
      },
      'at a)',
      'at a, b)',
    ],
    [
      'another call',
      async (federation) => {
        await federation.publish(1);
        return federation.initial;
      },
      'publish of round 1',
      'members of round 1',
    ],
    [
      'another model in the end',
      async (federation) => {
        const inputs = federation.initial;
        await federation.exchange({ name: 'train', round: 1, inputs }, await federation.members(1));
        await federation.reduce({ round: 1, reducer: weightedMean, base: inputs, answers: [] });
        await federation.publish(1, inputs);
        return inputs;
      },
      sha256('m0').slice(0, 12),
      sha256('m1').slice(0, 12),
    ],
    ['fewer calls', async ({ initial }) => ({ model: initial.model }), 'nothing more', 'members of round 1'],
  ];
  it.each(otherwise)('and asks for %s is refused, with both', async (_, workflow, asked, logged) => {
    const { end } = await follow(NOW, workflow);
    expect(end).toMatchObject({ code: 'NF_RUN_REPLAY' });
    const [before, after] = String((end as Error).message).split(' where the event log has ');
    expect(before).toContain(asked);
    expect(after).toContain(logged);
  });
});
