// Memory of the processes of a federation over many rounds of the hello job.
// usage: node bench/network/soak.ts [--rounds 500]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { residentOf, slope } from './measure.ts';
import { OurPoc } from './our-poc.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '500' } } });
const rounds = Number(values.rounds);
const folder = mkdtempSync(join(tmpdir(), 'bench-soak-'));
const poc = new OurPoc(folder);
const NAMES = ['server', 'site-1', 'site-2'];
try {
  await poc.run(`job create hello --template hello-fedavg-numpy --set num_rounds=${rounds}`);
  await poc.prepare(2);
  await poc.start();
  const samples: { readonly round: number; readonly memory: readonly number[] }[] = [];
  const id = await poc.submit('hello');
  for (;;) {
    const { data } = JSON.parse(await poc.run(`job meta ${id} --json`)) as {
      data: { status: string; round: number; seconds: number };
    };
    if (data.status.startsWith('FINISHED')) {
      console.log(
        `${rounds} rounds: ${data.status}, ${data.seconds.toFixed(1)} s, ${(rounds / data.seconds).toFixed(1)} a second`,
      );
      break;
    }
    samples.push({ round: data.round, memory: NAMES.map((name) => residentOf(poc.pidOf(name))) });
  }
  // What is loaded and compiled in the first rounds is no growth.
  const settled = samples.filter(({ round }) => round > rounds / 4);
  NAMES.forEach((name, index) => {
    const points = settled.map(({ round, memory }): [number, number] => [round, memory[index] ?? 0]);
    const { rise, error } = slope(points);
    const quarters = [0, 1, 2, 3].map((quarter) =>
      Math.max(
        ...samples
          .filter(({ round }) => Math.min(3, Math.floor((4 * round) / rounds)) === quarter)
          .map(({ memory }) => memory[index] ?? 0),
      ),
    );
    console.log(
      `${name}: at most ${quarters.join(', ')} MB in the quarters of the job; after the first one ` +
        `${(100 * rise).toFixed(2)} MB in 100 rounds (standard error ${(100 * error).toFixed(2)})`,
    );
  });
} finally {
  await poc.run('poc stop').catch(() => undefined);
  await poc.run('poc clean --force').catch(() => undefined);
  rmSync(folder, { recursive: true, force: true });
}
