// The whole journey on synthetic heads: every neuroflare command is shown, then run.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = 'demo';
// Kits of the demo stay out of the user's own list.
const env = { ...process.env, NEUROFLARE_CONFIG: join(root, folder, 'config.json') };

run(['scripts/build.js']);
rmSync(join(root, folder), { recursive: true, force: true });
const begun = Date.now();

say('Make MRI volumes of heads with and without tumours, from three simulated scanners');
neuroflare(`preprocess phantom ${folder}/bids --per-class 24 --sites 3`);
say('Share them out: each scanner is a site; train, validation and test apart');
neuroflare(
  `preprocess split ${folder}/bids --strategy column --site-column site --validation 0.25 --test 0.05 --out ${folder}/split.json`,
);
say('Make a job from a template, see what can be set, and check it');
neuroflare(
  `job create ${folder}/jobs/brain-tumour --template mri-fedavg --set data=${folder}/bids --set split=${folder}/split.json --set num_rounds=12 --set local_epochs=5 --set learning_rate=0.001 --set dropout=0`,
);
neuroflare(`job show-variables ${folder}/jobs/brain-tumour`);
neuroflare(`job validate ${folder}/jobs/brain-tumour`);
say('Simulate it: three sites train, one model is averaged from theirs');
neuroflare(`simulate ${folder}/jobs/brain-tumour --workspace ${folder}/work`);

say(
  'The same job as a real federation: a server and three clients, each with its own images, over mutual TLS',
);
neuroflare(
  `preprocess split ${folder}/bids --split ${folder}/split.json --materialize ${folder}/site-data -q`,
);
neuroflare(`poc prepare --n-clients 3 --workspace ${folder}/poc`);
try {
  neuroflare(`poc start --workspace ${folder}/poc --data ${folder}/site-data`);
  const submitted = neuroflare(`job submit ${folder}/jobs/brain-tumour`, { hear: true });
  const id = /[0-9a-f]{8}(?=-)/.exec(submitted)?.[0] ?? '';
  neuroflare(`job monitor ${id}`);
  neuroflare(`job download ${id} --output-dir ${folder}/downloaded`);
} finally {
  neuroflare(`poc clean --workspace ${folder}/poc --force`);
}
const model = (path) => readFileSync(join(root, folder, path, 'model.safetensors'));
const isSame = model('downloaded').equals(model('work/brain-tumour/latest'));
console.log(`\nThe federation's model ${isSame ? 'is byte for byte' : 'IS NOT'} the simulation's.`);
if (!isSame) process.exit(1);
console.log(
  `Done in ${Math.round((Date.now() - begun) / 1000)} s. The commands above work the same on your own images:`,
);
console.log(`  neuroflare dashboard --workspace ${folder}/work     # its runs in the browser`);
console.log('  neuroflare preprocess bids IMAGES BIDS     # class folders of JPEG or PNG to BIDS');

function say(what) {
  console.log(`\n# ${what}`);
}

/** Returns what it printed if it is to be heard. */
function neuroflare(line, { hear = false } = {}) {
  console.log(`$ neuroflare ${line}`);
  return run(['bin/run.js', ...line.split(' ')], { hear });
}

function run(args, { hear = false } = {}) {
  const stdio = hear ? ['inherit', 'pipe', 'inherit'] : 'inherit';
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, env, stdio, encoding: 'utf8' });
  if (hear) process.stdout.write(stdout);
  if (status !== 0) process.exit(status ?? 1);
  return stdout ?? '';
}
