import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buffered } from '../../src/runtime/algorithms/reducers/buffered.ts';
import { weightedMean } from '../../src/runtime/algorithms/reducers/weighted-mean.ts';
import type { Answer, Federation, Workflow } from '../../src/runtime/algorithms/workflow.ts';
import type { Payload, RunEvent } from '../../src/runtime/run/events.ts';
import type { Journal } from '../../src/runtime/run/journal.ts';
import { type FakeRun, startFakeRun } from '../support/fake-run.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

/** One step of a made-up workflow: a round of some sites, one that makes no model, or one that takes answers as they come. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant('round' as const),
    sites: fc.integer({ min: 1, max: 7 }),
    isMade: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('single' as const), takes: fc.integer({ min: 1, max: 3 }) }),
);
const program = fc.array(step, { minLength: 1, maxLength: 5 });
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

interface Stand {
  readonly global: Payload;
  /** What sites were given that are at work. */
  readonly atWork: Map<string, Payload>;
}

async function roundOf(
  federation: Federation,
  round: number,
  { global, atWork }: Stand,
  made: Step & { kind: 'round' },
) {
  const all = await federation.members(round);
  const some = all.filter((_, index) => ((made.sites >> index) & 1) === 1);
  const task = { name: 'train', round, inputs: global } as const;
  const answers = await federation.exchange(task, some, { minClients: some.length });
  atWork.clear();
  if (!made.isMade) {
    await federation.publish(round);
    return global;
  }
  const next = await federation.reduce({ round, reducer: weightedMean, base: global, answers });
  await federation.publish(round, next);
  return next;
}

async function singlesOf(federation: Federation, round: number, { global, atWork }: Stand, takes: number) {
  for (const site of await federation.members(round)) {
    if (atWork.has(site)) continue;
    await federation.ask({ name: 'train', round, inputs: global }, site);
    atWork.set(site, global);
  }
  const answers: Answer[] = [];
  const received: Payload[] = [];
  for (let taken = 0; taken < takes; taken++) {
    const { site, answer } = await federation.next();
    received.push(atWork.get(site) ?? global);
    atWork.delete(site);
    if (answer) answers.push(answer);
  }
  const weights = answers.map((_, index) => 1 / (2 + index));
  const options = { learningRate: 0.5 };
  const made = { round, reducer: buffered, options, base: global, answers, weights, received } as const;
  const next = await federation.reduce(made);
  await federation.publish(round, next);
  return next;
}

const workflowOf = (steps: readonly Step[]): Workflow => ({
  async run(federation) {
    let global = federation.initial;
    const atWork = new Map<string, Payload>();
    for (const [index, one] of steps.entries()) {
      const stand = { global, atWork };
      global =
        one.kind === 'round'
          ? await roundOf(federation, index + 1, stand, one)
          : await singlesOf(federation, index + 1, stand, one.takes);
    }
    return global;
  },
});

function dyingAfter(appends: number) {
  return (journal: Journal<RunEvent>): Journal<RunEvent> => {
    let left = appends;
    return {
      ...journal,
      append: async (event) => {
        if (left-- <= 0) throw new Error('killed');
        await journal.append(event);
      },
    };
  };
}

async function outcome(run: FakeRun) {
  const bytes = (await readFile(await run.done)).toString('hex');
  const { position, states, rounds } = run.history();
  return { bytes, position, states: [...states].sort(), rounds: [...rounds].sort() };
}

describe('any workflow', () => {
  it('that is killed again and again ends with the bytes, states and counts of one that was not', async () => {
    await fc.assert(
      fc.asyncProperty(
        program,
        fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 6 }),
        async (steps, lives) => {
          const how = { workflow: workflowOf(steps), inOrder: true } as const;
          const whole = await outcome(await startFakeRun(join(root, String(count++)), how));
          const folder = join(root, String(count++));
          for (const appends of lives)
            await (await startFakeRun(folder, { ...how, wrapJournal: dyingAfter(appends) })).done.catch(
              () => undefined,
            );
          expect(await outcome(await startFakeRun(folder, how))).toEqual(whole);
        },
      ),
      { numRuns: 40 },
    );
  });
});
