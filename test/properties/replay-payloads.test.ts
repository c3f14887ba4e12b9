import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { weightedMean } from '../../src/runtime/algorithms/reducers/weighted-mean.ts';
import type { TaskForm } from '../../src/runtime/algorithms/task.ts';
import type { Answer, Federation, Payload, Workflow } from '../../src/runtime/algorithms/workflow.ts';
import type { RunEvent } from '../../src/runtime/run/events.ts';
import { readJournal } from '../../src/runtime/run/journal.ts';
import { RUN_EVENTS } from '../../src/runtime/run/stored-event.ts';
import { type Behaviour, learn } from '../support/fake-channel.ts';
import { dyingAfter, type FakeRun, startFakeRun } from '../support/fake-run.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

const TOPICS = ['a', 'b', 'c'];
const NOTE = { note: { form: 'opaque', most: 10_000, optional: true } } as const;
const TASKS: Readonly<Record<string, TaskForm>> = {
  train: { when: 'training', inputs: NOTE, answer: { model: { form: 'subset:model' } } },
  vote: { when: 'training', isAbout: TOPICS, inputs: NOTE, answer: {}, values: { vote: { most: 100 } } },
};

/** A call that a made-up workflow makes in a round, before it trains. */
const call = fc.oneof(
  // Votes of some sites, of which each, or every other one, is given what was noted before.
  fc.record({
    kind: fc.constant('vote' as const),
    about: fc.constantFrom(...TOPICS),
    sites: fc.integer({ min: 1, max: 7 }),
    isOwn: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('note' as const), text: fc.string({ maxLength: 8 }) }),
  fc.record({ kind: fc.constant('single' as const) }),
);
const round = fc.record({
  calls: fc.uniqueArray(call, {
    maxLength: 4,
    selector: (one) => (one.kind === 'vote' ? one.about : one.kind),
  }),
  isMade: fc.boolean(),
});
const program = fc.array(round, { minLength: 1, maxLength: 3 });
type Round = typeof round extends fc.Arbitrary<infer Value> ? Value : never;
type Call = Round['calls'][number];

interface Stand {
  readonly round: number;
  readonly sites: readonly string[];
  readonly global: Payload;
  /** What came of the calls before, of which the next payloads are made. */
  readonly heard: unknown[];
}

async function make(
  federation: Federation,
  one: Call,
  { round: at, sites, global, heard }: Stand,
): Promise<Payload> {
  if (one.kind === 'note') {
    const value = { text: one.text, heard: JSON.parse(JSON.stringify(heard)) };
    return federation.keep({ round: at, name: 'note', value, base: global });
  }
  if (one.kind === 'single') {
    const [site = ''] = sites;
    await federation.ask({ name: 'train', round: at, inputs: global }, site);
    const { answer, ...arrival } = await federation.next();
    heard.push(arrival, answer?.files);
    return global;
  }
  const some = sites.filter((_, index) => ((one.sites >> index) & 1) === 1);
  const { note: _, ...plain } = global;
  const inputs = one.isOwn ? (site: string) => (some.indexOf(site) % 2 === 0 ? global : plain) : global;
  const task = { name: 'vote', round: at, about: one.about, inputs } as const;
  const answers = await federation.exchange(task, some, { minClients: some.length });
  heard.push(answers.map(({ site, values }: Answer) => [site, values]));
  return global;
}

const workflowOf = (rounds: readonly Round[]): Workflow => ({
  tasks: TASKS,
  async run(federation) {
    let global = federation.initial;
    const heard: unknown[] = [];
    for (const [index, { calls, isMade }] of rounds.entries()) {
      const at = index + 1;
      const sites = await federation.members(at);
      for (const one of calls) global = await make(federation, one, { round: at, sites, global, heard });
      // A site has a task of a name once in a round.
      const free = calls.some(({ kind }) => kind === 'single') ? sites.slice(1) : sites;
      const answers = await federation.exchange({ name: 'train', round: at, inputs: global }, free);
      if (isMade) {
        const { model } = await federation.reduce({
          round: at,
          reducer: weightedMean,
          base: global,
          answers,
        });
        global = { ...global, model };
      }
      await federation.publish(at, isMade ? global : undefined);
    }
    return global;
  },
});

/** A vote follows from what the site was given. */
const behave: Behaviour = (task, received) =>
  task.name === 'vote'
    ? { values: { vote: `${task.seed % 97} ${task.inputs.note?.sha256.slice(0, 8) ?? ''}` } }
    : learn(task, received);

/** Calls with what they were given and what they came to, in the order of the log. */
const CALLS: ReadonlySet<RunEvent['type']> = new Set<RunEvent['type']>([
  'members.chosen',
  'round.opened',
  'round.answered',
  'task.asked',
  'answer.taken',
  'model.made',
  'round.closed',
]);

async function outcome(run: FakeRun) {
  const bytes = (await readFile(await run.done)).toString('hex');
  const log = await Array.fromAsync(readJournal(run.folder.at('events.jsonl'), RUN_EVENTS));
  const calls = log.map(({ event }) => event).filter(({ type }) => CALLS.has(type));
  return { bytes, calls };
}

it('any workflow that is killed makes the same calls again, with the same payloads, and is given the same answers', async () => {
  await fc.assert(
    fc.asyncProperty(
      program,
      fc.array(fc.integer({ min: 0, max: 15 }), { maxLength: 5 }),
      async (rounds, lives) => {
        const how = {
          workflow: workflowOf(rounds),
          behave,
          inOrder: true,
          rules: { numRounds: rounds.length, minClients: 1 },
        } as const;
        const whole = await outcome(await startFakeRun(join(root, String(count++)), how));
        const folder = join(root, String(count++));
        for (const appends of lives)
          await (await startFakeRun(folder, { ...how, wrapJournal: dyingAfter(appends) })).done.catch(
            () => undefined,
          );
        expect(await outcome(await startFakeRun(folder, how))).toEqual(whole);
      },
    ),
    { numRuns: 15 },
  );
});
