// Writes what is taken from the code: the registry of workflows (src/runtime/algorithms/workflows.generated.ts), docs/commands.md,
// docs/errors.md, docs/job-file.md, docs/limits.md, docs/rights.md, the table of docs/workflows.md, schemas/job.schema.json; from the lock
// file THIRD-PARTY.md.
// With --check it writes nothing and fails if a file would change.
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { workflowRegistry } from './registry.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const isCheck = process.argv.includes('--check');

const registry = workflowRegistry(root);
await put(registry.path, registry.text);
// The pages load the workflows by the registry: it comes first.
const { pages } = await import('./pages.ts');
for (const [path, text] of Object.entries(await pages(root))) await put(path, text);

async function put(path: string, text: string): Promise<void> {
  if (read(path) === text) return;
  if (isCheck) {
    console.error(`${path} is not what the code says: run npm run docs`);
    process.exitCode = 1;
    return;
  }
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
  console.log(`wrote ${path}`);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}
