import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/runtime/base/random.ts';
import type { RunEvent } from '../../src/runtime/run/events.ts';
import type { RunHistory } from '../../src/runtime/run/history.ts';
import { liveFiles } from '../../src/runtime/run/live-files.ts';
import { type Behaviour, learn } from '../support/fake-channel.ts';
import { startFakeRun, THREE_SITES } from '../support/fake-run.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

const runs = fc.record({
  minClients: fc.integer({ min: 1, max: 3 }),
  clientsPerRound: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  numRounds: fc.integer({ min: 1, max: 4 }),
  shuffle: fc.nat(1000),
  copies: fc.integer({ min: 1, max: 2 }),
  failing: fc.double({ min: 0, max: 0.4, noNaN: true }),
});
type Plan = typeof runs extends fc.Arbitrary<infer Value> ? Value : never;

/** Sites that fail now and then, and whose scores choose any model as the best. */
const moody =
  ({ failing, shuffle }: Plan): Behaviour =>
  (task, received) => {
    const random = createRandom('moods', shuffle, task.site, task.round);
    if (random.next() < failing) return { fails: 'a bad day' };
    const reply = learn(task, received);
    return typeof reply === 'object' && 'params' in reply
      ? { ...reply, metrics: { accuracy: random.next() } }
      : reply;
  };

/** Files of models, updates and states in a run's folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => /^(models|sites)\/.*\.(safetensors|bin)$/.test(path))
    .sort();
}

async function play(plan: Plan) {
  const folder = join(root, String(count++));
  const missing: string[] = [];
  let history: RunHistory | undefined;
  const look = (event: RunEvent) => {
    history = run?.history();
    if (!history || event.type === 'run.failed') return;
    for (const { file } of liveFiles(history))
      if (!existsSync(join(folder, file.path))) missing.push(`${event.type}: ${file.path}`);
  };
  const clientsPerRound = plan.clientsPerRound && Math.max(plan.clientsPerRound, plan.minClients);
  const run = await startFakeRun(folder, {
    ...plan,
    rules: { ...plan, clientsPerRound },
    sites: THREE_SITES,
    behave: moody(plan),
    onEvent: look,
  });
  const isOver = await run.done.then(
    () => true,
    () => false,
  );
  return { folder, missing, isOver, history: run.history() };
}

describe('the files that a run needs', () => {
  it('are there at every event, and nothing else stays of its rounds', async () => {
    await fc.assert(
      fc.asyncProperty(runs, async (plan) => {
        const { folder, missing, isOver, history } = await play(plan);
        expect(missing).toEqual([]);
        const live = liveFiles(history).map(({ file }) => file.path);
        const there = filesIn(folder);
        expect(there).toEqual(expect.arrayContaining(live));
        // The last scoring removes nothing: a longer run goes on from before it.
        const rest = there.filter((path) => !live.includes(path));
        if (isOver) expect(rest.filter((path) => path.includes('update'))).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});
