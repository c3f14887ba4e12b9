// Kills server, clients and job processes of a federation at random moments, again and again, and looks whether anything
// that was acknowledged is lost.   usage: npm run chaos -- --kills 300 [--seed 1] [--clients 3]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chaos, type Outcome } from '../test/support/chaos.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    clients: { type: 'string', default: '3' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'neuroflare-chaos-'));
process.exitCode = 1;
try {
  const outcomes: Outcome[] = [];
  const { seed } = values;
  for await (const outcome of chaos({
    folder,
    seed,
    kills: Number(values.kills),
    clients: Number(values.clients),
  })) {
    outcomes.push(outcome);
    const { kills, lost, sameBytes, status } = outcome;
    const bytes = sameBytes ? 'same bytes' : 'OTHER BYTES';
    console.log(`job ${outcomes.length}: ${kills.length} kills, ${status}, ${lost} lost, ${bytes}`);
  }
  report(outcomes);
  if (outcomes.every(({ lost, sameBytes }) => lost === 0 && sameBytes)) process.exitCode = 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function report(outcomes: readonly Outcome[]): void {
  const kills = outcomes.flatMap((outcome) => outcome.kills);
  console.log(
    '\n| victim | kills | recovery, median (s) | recovery, longest (s) |\n| --- | --- | --- | --- |',
  );
  for (const victim of ['server', 'client', 'job process'] as const) {
    const times = kills
      .filter((kill) => kill.victim === victim)
      .map((kill) => kill.recovery)
      .sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)] ?? 0;
    console.log(`| ${victim} | ${times.length} | ${median.toFixed(2)} | ${(times.at(-1) ?? 0).toFixed(2)} |`);
  }
  const lost = outcomes.reduce((sum, outcome) => sum + outcome.lost, 0);
  const same = outcomes.filter(({ sameBytes }) => sameBytes).length;
  console.log(
    `\n${kills.length} kills in ${outcomes.length} jobs: ${lost} acknowledged results lost, ${same} of ${outcomes.length} models with the expected bytes`,
  );
}
