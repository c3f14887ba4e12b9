// usage: test.js fast|extended [vitest argument ...]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [project = 'fast', ...rest] = process.argv.slice(2);
run(['scripts/build.js']);
run(['node_modules/vitest/vitest.mjs', 'run', '--project', project, ...rest]);

function run(args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
