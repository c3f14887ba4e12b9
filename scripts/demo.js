// The whole journey on synthetic heads: every neuroflare command is shown, then run.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = 'demo';

const steps = [
  [
    'Make MRI volumes of heads with and without tumours, from three simulated scanners',
    `preprocess phantom ${folder}/bids --per-class 24 --sites 3`,
  ],
  [
    'Share them out: each scanner is a site; train, validation and test apart',
    `preprocess split ${folder}/bids --strategy column --site-column site --validation 0.25 --test 0.05 --out ${folder}/split.json`,
  ],
  [
    'Make a job from a template',
    `job create ${folder}/jobs/brain-tumour --template mri-fedavg --set data=${folder}/bids --set split=${folder}/split.json`,
  ],
  ['See what can be set, and check the job', `job show-variables ${folder}/jobs/brain-tumour`],
  ['', `job validate ${folder}/jobs/brain-tumour`],
  [
    'Run it: three sites train, one model is averaged from theirs',
    `simulate ${folder}/jobs/brain-tumour --workspace ${folder}/work`,
  ],
];

run(process.execPath, ['scripts/build.js']);
rmSync(`${root}${folder}`, { recursive: true, force: true });
const begun = Date.now();
for (const [what, command] of steps) {
  if (what) console.log(`\n# ${what}`);
  console.log(`$ neuroflare ${command}`);
  run(process.execPath, ['bin/run.js', ...command.split(' ')]);
}
console.log(
  `\nDone in ${Math.round((Date.now() - begun) / 1000)} s. The commands above work the same on your own images:`,
);
console.log('  neuroflare preprocess bids IMAGES BIDS     # class folders of JPEG or PNG to BIDS');

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
