// usage: test.js fast|extended [vitest argument ...]
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [project = 'fast', ...rest] = process.argv.slice(2);
run(['scripts/build.js']);
run(['node_modules/vitest/vitest.mjs', 'run', '--project', `${project}*`, ...rest]);

/** Where scripts/install-extended-parts.sh put the Python oracles; a test without its part is skipped and says so. */
function partsEnvironment() {
  const bin = join(process.env.NEUROFLARE_PARTS ?? join(homedir(), '.cache/neuroflare-parts'), 'venv/bin');
  const parts = {
    NEUROFLARE_PYTHON: join(bin, 'python'),
    NEUROFLARE_BIDS_VALIDATOR: join(bin, 'bids-validator-deno'),
  };
  const found = Object.fromEntries(Object.entries(parts).filter(([, path]) => existsSync(path)));
  return { ...found, ...softwareGpu() };
}

/** A GPU in software for the tests of WebGPU: the Vulkan loader reads these before a process starts. */
function softwareGpu() {
  const folder = join(
    process.env.NEUROFLARE_PARTS ?? join(homedir(), '.cache/neuroflare-parts'),
    'swiftshader',
  );
  const driver = join(folder, 'usr/lib/chromium/vk_swiftshader_icd.json');
  if (project !== 'extended' || !existsSync(driver)) return {};
  return {
    NEUROFLARE_SWIFTSHADER: folder,
    VK_ICD_FILENAMES: driver,
    LD_LIBRARY_PATH: [join(folder, 'usr/lib/chromium'), process.env.LD_LIBRARY_PATH]
      .filter(Boolean)
      .join(':'),
  };
}

function run(args) {
  const env = { ...partsEnvironment(), ...process.env };
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
}
