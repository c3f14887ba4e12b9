import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import type { SiteJobFolder } from '../../../src/runtime/deployment/client/memory/client-folder.ts';
import { folderOf } from '../../../src/runtime/deployment/client/site-desk.ts';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { LiveFederation, until } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** What somebody at a site changes while a job runs there. */

const root = tempFolder();
let federation: LiveFederation;
let admin: Admin;
let count = 0;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 1 });
  admin = await federation.admin();
});
afterAll(() => federation.close());

/** Prints numbers until the file `go-1`, `go-2` … of its round is there, in the script's own folder. */
const COUNTING = TINY_SCRIPT.replace(
  'const { dtype, shape, data }',
  `for (let n = 0; !existsSync(\`go-\${currentRound}\`); n++) {
    console.log(\`round \${currentRound} number \${n}\`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { dtype, shape, data }`,
)
  .replace('const { params }', 'const { params, currentRound }')
  .replace('import', `import { existsSync } from 'node:fs';\nimport`);

/** A job of one site that stands in round 1. */
async function begin(): Promise<{ id: string; folder: SiteJobFolder }> {
  const workflow = { n_clients: 1, num_rounds: 3 };
  const id = await federation.submit(
    await writeJob(join(root, `job-${count++}`), { script: COUNTING, patch: { workflow } }),
  );
  const folder = folderOf({ kitDir: federation.kits.kit('site-1') }).job(id);
  await until(async () => (await numbersHere(folder, 1)).length > 0);
  return { id, folder };
}

const go = (folder: SiteJobFolder, round: number) => writeFile(join(folder.home, `go-${round}`), '');
const policy = (changes: Readonly<Record<string, string>>) =>
  federation.kits.changeFile('site-1', 'local/site-policy.yml', changes);
const numbersIn = (text: string, round: number) =>
  [...text.matchAll(new RegExp(`round ${round} number (\\d+)`, 'g'))].map(([, number]) => Number(number));
const numbersHere = async (folder: SiteJobFolder, round: number) =>
  numbersIn(await readFile(folder.log, 'utf8').catch(() => ''), round);
const numbersThere = async (id: string, round: number) =>
  numbersIn((await admin.logs(id, { site: 'site-1' })).lines.map(({ text }) => text).join('\n'), round);

describe("a site's policy that changes while a job runs", () => {
  it('holds from the next message on: no line leaves after send_logs was taken back', async () => {
    await policy({ 'send_logs: false': 'send_logs: true' });
    const { id, folder } = await begin();
    await until(async () => (await numbersThere(id, 1)).length > 0);
    await policy({ 'send_logs: true': 'send_logs: false' });
    const last = (await numbersHere(folder, 1)).at(-1) ?? 0;
    // As long as two messages take.
    await until(async () => ((await numbersHere(folder, 1)).at(-1) ?? 0) > last + 100);
    await go(folder, 1);
    await until(async () => (await numbersHere(folder, 2)).length > 0);
    expect(Math.max(...(await numbersThere(id, 1)))).toBeLessThanOrEqual(last);
    expect(await numbersThere(id, 2)).toEqual([]);
    await policy({ 'send_logs: false': 'send_logs: true' });
    await until(async () => (await numbersThere(id, 2)).length > 0);
    await policy({ 'send_logs: true': 'send_logs: false', 'max_figures_kb: 16': 'max_figures_kb: 0.001' });
    await go(folder, 2);
    expect(await federation.wait(id)).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      error: { code: 'NF_SITE_FIGURES' },
    });
    await policy({ 'max_figures_kb: 0.001': 'max_figures_kb: 16' });
  });
});

describe("a job's file that changes at a site while the job runs", () => {
  it('is noticed before the next task, which does not begin', async () => {
    const { id, folder } = await begin();
    await appendFile(join(folder.bundle, 'client/train.ts'), "\nconsole.log('changed');\n");
    await go(folder, 1);
    const { status, error } = await federation.wait(id);
    expect({ status, message: error?.message }).toEqual({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      message: expect.stringContaining('are not those that were accepted'),
    });
    expect(await readFile(folder.log, 'utf8')).not.toContain('changed');
  });
});
