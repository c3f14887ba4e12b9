// hello-fedavg-numpy, whole processes: neuroflare's simulator beside nvflare's, in turn.
// usage: node bench/hello.ts PYTHON_WITH_NVFLARE [pairs, default 3]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Measured, measure, printMeasured, printRatio } from './process-tree.ts';

const root = join(import.meta.dirname, '..');
const [python, pairs = '3'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'bench-hello-'));
const run = [join(root, 'bin/run.js'), 'simulate', 'hello', '--quiet'];
execFileSync(
  process.execPath,
  [join(root, 'bin/run.js'), 'job', 'create', 'hello', '-t', 'hello-fedavg-numpy'],
  { cwd: folder },
);

const ours: Measured[] = [];
const theirs: Measured[] = [];
await measure(process.execPath, run, { cwd: folder });
for (let pair = 0; pair < Number(pairs); pair++) {
  ours.push(await measure(process.execPath, run, { cwd: folder }));
  if (python === undefined) continue;
  const job = [join(root, 'bench/nvflare-hello/job.py'), join(folder, `nvflare-${pair}`)];
  theirs.push(await measure(python, job, { cwd: join(root, 'bench/nvflare-hello') }));
}
rmSync(folder, { recursive: true, force: true });

printMeasured('neuroflare simulate', ours);
if (theirs.length > 0) {
  printMeasured('nvflare simulator', theirs);
  printRatio(ours, theirs);
}
