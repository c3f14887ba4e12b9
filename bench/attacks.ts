// Accuracy of the last global model where two of seven sites attack, by aggregator: a table.
// usage: node bench/attacks.ts [--only AGGREGATOR] [--rounds 5]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RUN } from './neuroflare.ts';

const { values } = parseArgs({ options: { only: { type: 'string' }, rounds: { type: 'string' } } });

const ATTACKS = ['none', 'sign_flip', 'label_flip', 'scaled'];
/** What the job says beside the name. */
const AGGREGATORS: Readonly<Record<string, readonly string[]>> = {
  weighted_mean: [],
  median: [],
  trimmed_mean: ['trim_ratio=0.3'],
  krum: ['byzantine_clients=2'],
  multi_krum: ['byzantine_clients=2'],
  geometric_median: [],
  centered_clipping: [],
  norm_bound: [],
};

const folder = mkdtempSync(join(tmpdir(), 'bench-attacks-'));
console.log(`| aggregator | ${ATTACKS.join(' | ')} |`);
console.log(`| --- |${' ---: |'.repeat(ATTACKS.length)}`);
for (const [aggregator, more] of Object.entries(AGGREGATORS)) {
  if (values.only !== undefined && values.only !== aggregator) continue;
  const found = ATTACKS.map((attack) => accuracyUnder(attack, [`aggregator=${aggregator}`, ...more]));
  console.log(`| \`${aggregator}\` | ${found.map((one) => (100 * one).toFixed(1)).join(' | ')} |`);
}
rmSync(folder, { recursive: true, force: true });

/** Over the test examples of all sites. */
function accuracyUnder(attack: string, settings: readonly string[]): number {
  const all = [`executor.args.attack=${attack}`, `num_rounds=${values.rounds ?? 5}`, ...settings];
  const job = join(import.meta.dirname, 'clusters');
  const args = ['simulate', job, '--json', ...all.flatMap((one) => ['--set', one])];
  const output = execFileSync(process.execPath, [RUN, ...args], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { data } = JSON.parse(output) as { data: { models: { pooled: number }[] } };
  return data.models.at(-1)?.pooled ?? Number.NaN;
}
