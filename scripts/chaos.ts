// Kills server, clients and job processes of a federation at random moments, again and again, and looks whether anything
// that was acknowledged is lost.   usage: npm run chaos -- --kills 300 [--seed 1] [--clients 3] [--workflows fedavg,scaffold,fedbuff]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { chaos, type Outcome } from '../test/support/chaos.ts';

const workflow = z.enum(['fedavg', 'scaffold', 'fedbuff']);
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    clients: { type: 'string', default: '3' },
    workflows: { type: 'string', default: workflow.options.join(',') },
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
    workflows: values.workflows.split(',').map((name) => workflow.parse(name)),
  })) {
    outcomes.push(outcome);
    const { kills, lost, sameModel, status, why } = outcome;
    const model = sameModel ? 'the undisturbed model' : 'ANOTHER MODEL';
    console.log(
      `job ${outcomes.length}, ${outcome.workflow}: ${kills.length} kills, ${status}, ${lost} lost, ${model}`,
    );
    for (const words of why) console.log(words);
  }
  report(outcomes);
  if (outcomes.every(({ lost, sameModel }) => lost === 0 && sameModel)) process.exitCode = 0;
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
  const same = outcomes.filter(({ sameModel }) => sameModel).length;
  console.log(
    `\n${kills.length} kills in ${outcomes.length} jobs: ${lost} acknowledged results lost, ${same} of ${outcomes.length} models as undisturbed`,
  );
}
