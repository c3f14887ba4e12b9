import { expect, it } from 'vitest';
import { chaos, type Outcome } from '../support/chaos.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** `fedavg` is killed at each of its steps by the tests beside this one; `npm run chaos` takes all. */
const WORKFLOWS = ['scaffold', 'fedbuff'] as const;
const folder = tempFolder();

it('40 kills of server, clients and job processes at random moments lose nothing, in scaffold and fedbuff', async () => {
  const outcomes: Outcome[] = [];
  for await (const outcome of chaos({ folder, kills: 40, seed: '1', clients: 3, workflows: WORKFLOWS }))
    outcomes.push(outcome);
  expect(outcomes.map(({ kills, ...outcome }) => outcome)).toEqual(
    WORKFLOWS.map((workflow) => ({
      workflow,
      lost: 0,
      sameModel: true,
      status: 'FINISHED:COMPLETED',
      why: [],
    })),
  );
  const kills = outcomes.flatMap((outcome) => outcome.kills);
  expect(kills).toHaveLength(40);
  expect(new Set(kills.map(({ victim }) => victim))).toEqual(new Set(['server', 'client', 'job process']));
});
