import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { weightedMean } from '../../../src/runtime/algorithms/reducers/weighted-mean.ts';
import { scoreLast } from '../../../src/runtime/algorithms/rounds.ts';
import type { Federation, Workflow } from '../../../src/runtime/algorithms/workflow.ts';
import { encodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import type { SiteTask } from '../../../src/runtime/federation/channel.ts';
import type { Payload } from '../../../src/runtime/run/events.ts';
import { learn } from '../../support/fake-channel.ts';
import { dyingAfter, type FakeRun, startFakeRun } from '../../support/fake-run.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

/**
 * In each round all sites vote, those that say yes train with a file of their own beside the model, and what they send beside theirs makes
 * the next one.
 */
const elected: Workflow = {
  tasks: {
    vote: { when: 'training', answer: {}, values: { yes: {} } },
    train: {
      when: 'training',
      inputs: { hint: { form: 'like:model', optional: true } },
      answer: { model: { form: 'subset:model' }, extra: { form: 'like:model' } },
    },
  },
  async run(federation, { numRounds }) {
    let global = federation.initial;
    const hints = new Map<string, Payload>();
    for (let round = 1; round <= numRounds; round++) {
      const all = await federation.members(round);
      const votes = await federation.exchange({ name: 'vote', round, inputs: global }, all);
      const chosen = votes.filter(({ values }) => values?.yes === true).map(({ site }) => site);
      const inputs = (site: string): Payload => {
        const hint = hints.get(site)?.model;
        return { model: global.model, ...(hint && { hint }) };
      };
      const some = { minClients: chosen.length };
      const answers = await federation.exchange({ name: 'train', round, inputs }, chosen, some);
      for (const answer of answers) {
        const one = {
          round,
          about: answer.site,
          reducer: weightedMean,
          base: global,
          file: 'extra',
        } as const;
        hints.set(answer.site, await federation.reduce({ ...one, answers: [answer] }));
      }
      global = await federation.reduce({ round, reducer: weightedMean, base: global, answers });
      await federation.publish(round, global);
    }
    await scoreLast(federation, { round: numRounds + 1, global });
    return global;
  },
};

/** Even sites say yes in even rounds, odd ones in odd rounds, the last one always. */
function behave(task: SiteTask, received: Parameters<typeof learn>[1]) {
  const number = Number(task.site.slice('site-'.length));
  if (task.name === 'vote') return { values: { yes: number === 10 || number % 2 === task.round % 2 } };
  const reply = learn(task, received);
  return {
    ...(typeof reply === 'object' ? reply : {}),
    files: { extra: encodeSafetensors({ weights: float32([number, 0, task.round]) }) },
  };
}

const start = (folder: string, over = {}) => startFakeRun(folder, { workflow: elected, behave, ...over });
const next = () => join(root, String(count++));

async function outcome(run: FakeRun) {
  const bytes = await readFile(await run.done);
  const { position, states, rounds } = run.history();
  return { bytes, position, states, rounds: [...rounds].sort() };
}

describe('a round of several tasks', () => {
  it('asks the sites that the workflow names, each by the id of its task', async () => {
    const run = await start(next());
    await run.done;
    expect(run.channel.tasks.map(({ id }) => id)).toEqual([
      ...['vote/1/site-1', 'vote/1/site-2', 'vote/1/site-10'],
      ...['train/1/site-1', 'train/1/site-10'],
      ...['vote/2/site-1', 'vote/2/site-2', 'vote/2/site-10'],
      ...['train/2/site-2', 'train/2/site-10'],
      ...['evaluate/3/site-1', 'evaluate/3/site-2', 'evaluate/3/site-10'],
    ]);
    expect([...run.history().rounds]).toEqual(
      expect.arrayContaining([
        ['site-1', 1],
        ['site-10', 2],
      ]),
    );
  });

  it('gives a site a file of its own, and each task a seed of its own', async () => {
    const run = await start(next());
    await run.done;
    const [hinted, ...others] = run.channel.tasks.filter(({ inputs }) => inputs.hint !== undefined);
    expect([hinted?.id, others]).toEqual(['train/2/site-10', []]);
    expect(hinted?.inputs.hint?.path).toBe('models/round-0001.of-site-10.safetensors');
    expect(new Set(run.channel.tasks.map(({ seed }) => seed)).size).toBe(run.channel.tasks.length);
  });

  it('that is killed at any of its events ends with the same bytes', async () => {
    const whole = await start(next());
    const wanted = await outcome(whole);
    const events = whole.shown.filter(({ type }) => type !== 'task.started').length;
    expect(events).toBeGreaterThan(30);
    for (let cut = 1; cut <= events; cut++) {
      const folder = next();
      await (await start(folder, { wrapJournal: dyingAfter(cut, cut % 2 === 0), shuffle: cut })).done.catch(
        () => undefined,
      );
      expect(await outcome(await start(folder, { shuffle: cut + 100 })), `event ${cut}`).toEqual(wanted);
    }
  });
});

describe('a workflow that asks for what it may not', () => {
  const refused = async (work: (federation: Federation) => Promise<unknown>) => {
    const run = await startFakeRun(next(), {
      workflow: {
        tasks: { share: { when: 'training', inputs: { key: { form: 'opaque' } }, answer: {} } },
        run: async (federation) => {
          await work(federation);
          return federation.initial;
        },
      },
    });
    const error = await run.done.catch((thrown: unknown) => thrown);
    return { error, tasks: run.channel.tasks };
  };
  const task = (federation: Federation, name = 'train') => ({ name, round: 1, inputs: federation.initial });

  it.each<[string, (federation: Federation) => Promise<unknown>, string, RegExp]>([
    [
      'a site that is not there',
      async (federation) => {
        await federation.members(1);
        await federation.exchange(task(federation), ['site-1', 'site-7']);
      },
      'NF_WORKFLOW_SITE',
      /site-7 for 'train' in round 1.*site-1, site-2, site-10/,
    ],
    [
      'a single site that is not there',
      (federation) => federation.ask(task(federation), 'site-7'),
      'NF_WORKFLOW_SITE',
      /site-7/,
    ],
    [
      'a task that it does not declare',
      async (federation) => federation.exchange(task(federation, 'guess'), await federation.members(1)),
      'NF_WORKFLOW_TASK',
      /'guess' in round 1.*train, evaluate, share/,
    ],
    [
      'a task about something, which it is declared not to be',
      async (federation) =>
        federation.exchange({ ...task(federation), about: 'site-2' }, await federation.members(1)),
      'NF_WORKFLOW_TASK',
      /'train' in round 1.*about site-2.*isAbout/,
    ],
    [
      'a task without a file that it begins with',
      async (federation) => federation.exchange(task(federation, 'share'), await federation.members(1)),
      'NF_PAYLOAD_MISSING',
      /'key' of share\/1/,
    ],
  ])('%s: is refused by name before anybody is asked', async (_, work, code, message) => {
    const { error, tasks } = await refused(work);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(tasks).toEqual([]);
  });
});

describe('an answer to a task', () => {
  it('of another site, to one that was taken back, twice, or unknown counts for nothing, and is told so', async () => {
    const result = { paramsType: 'FULL', numExamples: 1e9, metrics: {}, files: {}, seconds: 0 } as const;
    const verdicts: string[] = [];
    const run = await startFakeRun(next(), {
      rules: { minClients: 2, clientsPerRound: 2, overSelection: 1.5 },
      inOrder: true,
      onEvent: (event, channel) => {
        if (event.type === 'task.started' && event.task === 'train/1/site-1')
          channel.emit({ type: 'result', task: 'train/1/mallory', result: { site: 'mallory', ...result } });
        if (event.type !== 'round.answered' || event.round !== 1) return;
        for (const id of ['train/1/site-1', 'train/1/site-10', 'train/9/site-1', 'guess/1/site-1'])
          verdicts.push(run.coordinator.verdictOn(id));
      },
    });
    await run.done;
    expect(run.channel.verdicts).toEqual(['stranger']);
    expect(run.closed[0]?.results.map(({ site }) => site)).toEqual(['site-1', 'site-2']);
    expect(run.channel.cancelled).toContain('site-10');
    expect(verdicts).toEqual(['duplicate', 'late', 'late', 'late']);
  });
});
