import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeJob } from '../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../support/live-federation.ts';
import { PYTHON } from '../support/python.ts';
import { ask, tlsOf } from '../support/raw-request.ts';
import { RawSite } from '../support/raw-site.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PROGRAM = PYTHON === undefined ? '' : join(dirname(PYTHON), 'schemathesis');
/** Of each identity. */
const MOST_SECONDS = 60;
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
];
/** Would end the server, or the site that asks. */
const LEFT_OUT = 'system/(shutdown|restart|disable-client)|site/session';

const root = tempFolder();
let federation: LiveFederation;
let site: RawSite;
let alive: NodeJS.Timeout | undefined;
let job = '';

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits'), { clients: 1 }));
  await federation.startServer();
  const folder = await writeJob(join(root, 'job'), {
    patch: { workflow: { n_clients: 1, num_rounds: 50, site_timeout: 3600 } },
  });
  site = await RawSite.connect(federation.kits, 'site-1');
  job = await federation.submit(folder, { clients: ['site-1'] });
  await site.accept(job);
  await site.task(job);
  alive = setInterval(() => void site.poll().catch(() => undefined), 2000);
});
afterAll(async () => {
  clearInterval(alive);
  await site.close();
  await federation.close();
});

/** A question that still waits for news when the time is up would look like a line that was cut. */
function withoutWaits(document: string): string {
  return JSON.stringify(
    JSON.parse(document, (key, value) => {
      if (key === 'wait_seconds') return { ...value, maximum: 0 };
      return value?.name === 'wait_seconds' ? { ...value, schema: { ...value.schema, maximum: 0 } } : value;
    }),
  );
}

/** What schemathesis finds when it asks as somebody: its report, and how it ended. */
async function found(who: string, headers: readonly string[] = []): Promise<{ code: number; said: string }> {
  const tls = await tlsOf(federation.kits, who);
  const { body } = await ask(federation.kits, '/openapi.json', tls);
  const files = { document: withoutWaits(body), ca: tls.ca, cert: tls.cert, key: tls.key };
  const at = (name: keyof typeof files) =>
    join(root, `${who}-${name}.${name === 'document' ? 'json' : 'pem'}`);
  for (const name of Object.keys(files) as (keyof typeof files)[])
    await writeFile(at(name), files[name], { mode: 0o600 });
  const args = [
    ['run', at('document'), '--url', `https://localhost:${federation.kits.port}`],
    ['--tls-verify', at('ca'), '--request-cert', at('cert'), '--request-cert-key', at('key')],
    ['-H', 'neuroflare-protocol: 2', ...headers.flatMap((header) => ['-H', header])],
    ['--exclude-path-regex', LEFT_OUT, '--checks', CHECKS.join(','), '--phases', 'coverage,fuzzing'],
    [
      '--max-time',
      String(MOST_SECONDS),
      '--max-examples',
      '20',
      '--seed',
      '7',
      // Python's own parser fails now and then when two threads of Hypothesis ask it at once.
      '--workers',
      '1',
      '--no-color',
    ],
  ].flat();
  return new Promise((resolve) => {
    execFile(PROGRAM, args, { cwd: root, maxBuffer: 64_000_000 }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), said: `${stdout}${stderr}` }),
    );
  });
}

describe.skipIf(!existsSync(PROGRAM))('schemathesis finds nothing against the OpenAPI document', () => {
  it.each(['mia@example.org', 'ann@example.org'])('as %s', async (who) => {
    const { code, said } = await found(who);
    expect(code, said).toBe(0);
    expect(said).toContain('generated');
  });

  it('as a site with a live job', async () => {
    const { code, said } = await found('site-1', [`neuroflare-session: ${site.session}`]);
    expect(code, said).toBe(0);
    expect(said).toContain('generated');
    expect((await (await federation.admin()).job(job)).job_id).toBe(job);
  });
});
