import { existsSync } from 'node:fs';
import { readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import { submitJob } from '../../../src/runtime/deployment/admin/submit.ts';
import { liesOutside } from '../../../src/runtime/job/model-apart.ts';
import { runCli } from '../../support/cli.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, PROJECT_ADMIN } from '../../support/live-federation.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** A job folder that names a file of the submitter's machine as its initial model. */

const root = tempFolder();
const MODEL = join(root, 'other-study.safetensors');
let federation: LiveFederation;
let job = '';

beforeAll(async () => {
  await writeFile(MODEL, encodeSafetensors({ weights: float32([1, 2, 3, 4]) }));
  const model = { initial_params: '../other-study.safetensors' };
  job = await writeJob(join(root, 'job'), { patch: { model } });
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 0 });
});
afterAll(() => federation.close());

/** What has come to the server of models that jobs name. */
async function sent(): Promise<string[]> {
  const uploads = join(federation.state, 'uploads');
  const names = existsSync(uploads) ? await readdir(uploads, { recursive: true, withFileTypes: true }) : [];
  return names.filter((entry) => entry.isFile()).map(({ name }) => name);
}

const submit = (...words: string[]) =>
  runCli(['job', 'submit', job, '--kit', federation.kits.kit(PROJECT_ADMIN), ...words], { cwd: root });

describe('an initial model outside the job folder', () => {
  it('is named before it is sent, and stays here unless somebody agrees', async () => {
    const { code, stderr } = await submit();
    expect(code).toBe(4);
    expect(stderr).toContain('NF_NOT_CONFIRMED');
    expect(stderr.replace(/\s+/g, '')).toContain(MODEL);
    expect(stderr).toContain('--force');
    expect(await sent()).toEqual([]);
    const signal = new AbortController().signal;
    const told: unknown[] = [];
    const onModel = async (model: unknown) => {
      told.push(model);
      throw new Error('not this one');
    };
    const submitting = submitJob(await federation.admin(), job, { signal, onModel });
    await expect(submitting).rejects.toThrow('not this one');
    expect(told).toEqual([{ file: MODEL, size: expect.any(Number), isOutside: true }]);
    expect(await sent()).toEqual([]);
  });

  it('is sent with --force, and named', async () => {
    const { code, stdout, stderr } = await submit('--force');
    expect([code, stdout]).toEqual([0, expect.stringContaining('Submitted as')]);
    expect(stderr.replace(/\s+/g, '')).toContain(MODEL);
  });

  it('is one, too, to which a link in the folder leads', async () => {
    const inside = join(job, 'model.safetensors');
    await symlink(MODEL, inside);
    expect(await liesOutside(job, inside)).toBe(true);
    await rename(MODEL, join(job, 'own.safetensors'));
    expect(await liesOutside(job, join(job, 'own.safetensors'))).toBe(false);
  });
});
