// Everything about the sources that is checked without running them: format and lint, types, rooms, dead code,
// file sizes.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const steps = [
  ['format and lint', 'node_modules/.bin/biome', ['check', '.']],
  ['types', process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']],
  [
    'types of templates',
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-p', 'templates/tsconfig.json'],
  ],
  [
    'rooms',
    process.execPath,
    ['node_modules/dependency-cruiser/bin/dependency-cruiser.mjs', 'src', '--config'],
  ],
  ['dead code', process.execPath, ['node_modules/knip/bin/knip.js']],
  ['generated docs', process.execPath, ['scripts/docs.ts', '--check']],
];

let failed = 0;
for (const [what, command, args] of steps) {
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  console.log(`${what}: ${status === 0 ? 'ok' : 'FAILED'}`);
  if (status !== 0) failed += 1;
}
process.exit(failed > 0 ? 1 : 0);
