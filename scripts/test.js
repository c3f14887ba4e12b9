// usage: test.js fast|extended [vitest argument ...]
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [project = 'fast', ...rest] = process.argv.slice(2);
run(['scripts/build.js']);
run(['node_modules/vitest/vitest.mjs', 'run', '--project', project, ...rest]);

/** Where scripts/install-extended-parts.sh put the Python oracles; a test without its part is skipped and says so. */
function partsEnvironment() {
  const bin = join(process.env.NEUROFLARE_PARTS ?? join(homedir(), '.cache/neuroflare-parts'), 'venv/bin');
  const parts = {
    NEUROFLARE_PYTHON: join(bin, 'python'),
    NEUROFLARE_BIDS_VALIDATOR: join(bin, 'bids-validator-deno'),
  };
  return Object.fromEntries(Object.entries(parts).filter(([, path]) => existsSync(path)));
}

function run(args) {
  const env = { ...partsEnvironment(), ...process.env };
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
}
