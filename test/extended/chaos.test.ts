import { expect, it } from 'vitest';
import { chaos, type Outcome } from '../support/chaos.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();

it('20 kills of server, clients and job processes at random moments lose nothing that was acknowledged', async () => {
  const outcomes: Outcome[] = [];
  for await (const outcome of chaos({ folder, kills: 20, seed: '1', clients: 3 })) outcomes.push(outcome);
  expect(outcomes.map(({ lost, sameBytes, status }) => ({ lost, sameBytes, status }))).toEqual([
    { lost: 0, sameBytes: true, status: 'FINISHED:COMPLETED' },
  ]);
  const kills = outcomes.flatMap((outcome) => outcome.kills);
  expect(kills).toHaveLength(20);
  expect(new Set(kills.map(({ victim }) => victim))).toEqual(new Set(['server', 'client', 'job process']));
});
