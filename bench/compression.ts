// Bytes that sites have sent until the global model reaches an accuracy, by how their updates are packed: a table.
// usage: node bench/compression.ts [--only NAME] [--rounds 40] [--target 0.98]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { zeros } from '../src/runtime/base/tensors/nd-array.ts';
import { type Packing, updateSize } from '../src/runtime/base/tensors/packed/form.ts';
import { RUN } from './neuroflare.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '40' },
    target: { type: 'string', default: '0.98' },
  },
});
const [rounds, target] = [Number(values.rounds), Number(values.target)];
const [FEATURES, CLASSES, SITES] = [128, 8, 7];
const MODEL = { weights: zeros('float32', [FEATURES, CLASSES]), bias: zeros('float32', [CLASSES]) };

const PACKINGS: Readonly<Record<string, Packing | undefined>> = {
  none: undefined,
  float16: { name: 'float16' },
  int8: { name: 'int8' },
  'top_k 0.1': { name: 'top_k', ratio: 0.1 },
  'top_k 0.02': { name: 'top_k', ratio: 0.02 },
};

const folder = mkdtempSync(join(tmpdir(), 'bench-compression-'));
console.log(
  `| packing | bytes of an update | rounds to ${100 * target} % | bytes sent until then | accuracy in the end |`,
);
console.log(`| --- |${' ---: |'.repeat(4)}`);
for (const [name, packing] of Object.entries(PACKINGS)) {
  if (values.only !== undefined && values.only !== name) continue;
  const found = accuracies(packing);
  const bytes = updateSize(MODEL, packing);
  const first = found.findIndex((one) => one >= target);
  const sent = first === -1 ? 'not reached' : (first * SITES * bytes).toLocaleString('en');
  const last = (100 * (found.at(-1) ?? Number.NaN)).toFixed(1);
  console.log(
    `| ${name} | ${bytes.toLocaleString('en')} | ${first === -1 ? '–' : first} | ${sent} | ${last} |`,
  );
}
rmSync(folder, { recursive: true, force: true });

/** Of each global model over the test examples of all sites, the initial one first. */
function accuracies(packing: Packing | undefined): readonly number[] {
  const settings = [
    `num_rounds=${rounds}`,
    `model.initial_params.weights.shape=[${FEATURES}, ${CLASSES}]`,
    `executor.args.features=${FEATURES}`,
    'executor.args.stretch=4',
    'executor.args.rate=0.03',
    `task_result_filters=${JSON.stringify(packing ? [packing] : [])}`,
  ];
  const job = join(import.meta.dirname, 'clusters');
  const args = ['simulate', job, '--json', ...settings.flatMap((one) => ['--set', one])];
  const output = execFileSync(process.execPath, [RUN, ...args], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { data } = JSON.parse(output) as { data: { models: { pooled: number }[] } };
  return data.models.map(({ pooled }) => pooled);
}
