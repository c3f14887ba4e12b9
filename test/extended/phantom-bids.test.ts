import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generatePhantom } from '../../src/preprocess/phantom/generate.ts';
import { noProgress } from '../../src/runtime/base/logging/progress.ts';

/** The official validator (PyPI: bids-validator-deno), named by the environment or on the PATH. */
const validator = findValidator();

describe.skipIf(!validator)('the official BIDS validator', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'phantom-bids-'));
    const { signal } = new AbortController();
    const recipe = { sites: 3, perClass: 1, size: 32, seed: 1 };
    await generatePhantom({
      ...recipe,
      target: join(folder, 'out'),
      jobs: 2,
      signal,
      progress: noProgress,
    });
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('finds no error and no warning in the data set nor in its masks', async () => {
    const report = await validate(join(folder, 'out'), ['--recursive']);
    expect(report.issues.issues).toEqual([]);
    const derived = Object.values(report.derivativesSummary ?? {});
    expect(derived).toHaveLength(1);
    for (const { issues } of derived) expect(issues.issues).toEqual([]);
  });

  it('finds none in the masks as a data set of their own', async () => {
    const report = await validate(join(folder, 'out', 'derivatives', 'lesions'), []);
    expect(report.issues.issues).toEqual([]);
  });
});

interface Report {
  readonly issues: { readonly issues: unknown[] };
  readonly derivativesSummary?: Record<string, Report>;
}

function validate(root: string, flags: string[]): Promise<Report> {
  return new Promise((resolve, reject) => {
    const args = [root, '--format', 'json', ...flags];
    execFile(validator ?? '', args, { maxBuffer: 64 * 2 ** 20 }, (error, stdout) => {
      // Exit code 16 says that there are errors; they are in the report.
      if (error && stdout === '') return reject(error);
      resolve(JSON.parse(stdout) as Report);
    });
  });
}

function findValidator(): string | undefined {
  const named = process.env.NEUROFLARE_BIDS_VALIDATOR;
  if (named) return named;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, 'bids-validator-deno')).find((path) => existsSync(path));
}
