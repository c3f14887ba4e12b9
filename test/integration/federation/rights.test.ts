import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { submitJob } from '../../../src/runtime/deployment/admin/submit.ts';
import { readBundle } from '../../../src/runtime/job/bundle.ts';
import { packBundle } from '../../../src/runtime/network/packed-bundle.ts';
import { signJob } from '../../../src/runtime/security/job-signature.ts';
import { openKit } from '../../../src/runtime/security/kit/open.ts';
import { writeJob } from '../../support/job-folder.ts';
import { jobTerms } from '../../support/job-terms.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { ask, tlsOf } from '../../support/raw-request.ts';
import { RawSite } from '../../support/raw-site.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const PAGE = readFileSync(new URL('../../../docs/rights.md', import.meta.url), 'utf8');
/** Who asks, by the head of the table; who may most comes last, as jobs are gone then. `lea` submits the job. */
const ASKERS = {
  site: 'site-1',
  org_admin: 'otto@example.org',
  lead: 'leo@example.org',
  member: 'mia@example.org',
  project_admin: 'ann@example.org',
} as const;
type Asker = keyof typeof ASKERS;
const REFUSED = ['NF_ACCESS_DENIED', 'NF_JOB_UNKNOWN', 'NF_STUDY_UNKNOWN', 'NF_CERT_REFUSED'];

const rows = PAGE.split('\n').filter((line) => line.startsWith('| `'));
const head = (PAGE.split('\n').find((line) => line.startsWith('| route')) ?? '')
  .split('|')
  .map((cell) => cell.trim());
const cells = rows.flatMap((line) => {
  const row = line.split('|').map((cell) => cell.trim());
  const route = (row[1] ?? '').replaceAll('`', '');
  return (Object.keys(ASKERS) as Asker[]).map(
    (asker) => [route, asker, row[head.indexOf(asker)] ?? ''] as const,
  );
});

let federation: LiveFederation;
let site: RawSite;
let job = '';
/** Of leo, to see what is a lead's own. */
let own = '';

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits'), { clients: 2 }));
  await federation.startServer();
  const signal = new AbortController().signal;
  const submit = async (who: string) => {
    const folder = await writeJob(join(root, who), { patch: { workflow: { n_clients: 2 } } });
    return (await submitJob(await federation.admin(who), folder, { signal })).jobId;
  };
  job = await submit('lea@example.org');
  own = await submit('leo@example.org');
  await (await federation.admin()).registerStudy('brain', [], { open: true });
  for (const name of ['site-1', 'site-2']) {
    site = await RawSite.connect(federation.kits, name);
    await site.close();
  }
});
afterAll(() => federation.close());

/** The least that a route needs to get as far as the question of rights; nothing that changes what others find. */
const BODIES: Readonly<Record<string, unknown>> = {
  'POST /v1/site/poll': { seen: null, wait_seconds: 0, jobs: [] },
  'POST /v1/jobs/:job/log-level': { level: 'info' },
  'POST /v1/jobs/:job/resume': {
    terms: jobTerms(),
    signature: { algorithm: 'ECDSA-P256-SHA256', certificate: 'none', signature: 'AAAA' },
  },
  'POST /v1/system/shutdown': { targets: ['site-2'] },
  'POST /v1/system/restart': { targets: ['site-2'] },
  'POST /v1/system/log-level': { targets: ['site-2'], level: 'info' },
  'POST /v1/system/enable-client': { site: 'site-2' },
  'POST /v1/system/disable-client': { site: 'site-2' },
  'POST /v1/studies': { name: 'brain' },
  'POST /v1/studies/:study/open': { open: true },
  'POST /v1/studies/:study/add-user': { user: 'x@example.org', role: 'member' },
  'POST /v1/studies/:study/remove-user': { user: 'x@example.org' },
  'POST /v1/studies/:study/add-sites': { sites: ['site-2'] },
  'POST /v1/studies/:study/remove-sites': { sites: ['site-2'] },
};
const own2 = { 'site-2': 'site-1' };

/** Signed by whom it is from; a site has a key, too. */
async function submissionBy(who = 'site-1') {
  const bundle = await readBundle(join(root, 'lea@example.org'));
  const terms = jobTerms({ bundle_sha256: bundle.sha256 });
  const kit = await openKit(federation.kits.kit(who), who.includes('@') ? 'admin' : 'client');
  return { terms, bundle: packBundle(bundle), signature: signJob(terms, kit) };
}

async function codeOf(
  route: string,
  who: string | undefined,
  { id, mine = false }: { id: string; mine?: boolean },
) {
  const [method = '', path = ''] = route.split(' ');
  const study = method === 'DELETE' ? 'default' : 'brain';
  const url = path
    .replace(':job', id)
    .replace(':sha256', '0'.repeat(64))
    .replace(':study', study)
    .replace('*', 'x');
  const text = JSON.stringify(route === 'POST /v1/jobs' ? await submissionBy(who) : (BODIES[route] ?? {}));
  const body =
    method === 'GET' || method === 'DELETE'
      ? undefined
      : mine
        ? text.replaceAll('site-2', own2['site-2'])
        : text;
  const tls =
    who === undefined
      ? { ca: (await tlsOf(federation.kits, 'site-1')).ca }
      : await tlsOf(federation.kits, who);
  const type = method === 'PATCH' ? 'application/octet-stream' : 'application/json';
  const headers = {
    'neuroflare-protocol': '2',
    'upload-length': '1',
    ...(body !== undefined && { 'content-type': type }),
  };
  const answer = await ask(federation.kits, url, { ...tls, method, headers, body });
  const code = answer.status < 400 ? 'done' : (JSON.parse(answer.body) as { code: string }).code;
  return REFUSED.includes(code) ? code : 'may';
}

describe('the table of rights', () => {
  it('names every route of the OpenAPI document', async () => {
    const { body } = await ask(federation.kits, '/openapi.json', await tlsOf(federation.kits, 'site-1'));
    const { paths } = JSON.parse(body) as { paths: Record<string, Record<string, unknown>> };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => {
        const named = path.replace('{path}', '*').replace(/\{([^}]+)\}/g, (_all, name) => `:${name}`);
        return `${method.toUpperCase()} ${named.replace(/(.)\/$/, '$1')}`;
      }),
    );
    const listed = new Set(cells.map(([route]) => route));
    expect([...new Set(routes)].filter((route) => !listed.has(route))).toEqual([]);
    expect(listed.size).toBeGreaterThan(40);
  });

  it.each(cells)('says of %s that %s may: %s', async (route, asker, word) => {
    const who = ASKERS[asker];
    const isSteered = route.startsWith('POST /v1/system') || word === 'own sites';
    const others = await codeOf(route, who, { id: job });
    if (word === 'yes') expect(others).toBe('may');
    else expect(REFUSED).toContain(others);
    if (word === 'no' || word === 'yes') return;
    // What is the asker's own: a job of leo, of a university that is leo's and not otto's; a site of otto's hospital.
    if (asker === 'lead' && !isSteered) expect(await codeOf(route, who, { id: own })).toBe('may');
    if (asker === 'org_admin' && isSteered)
      expect(await codeOf(route, who, { id: own, mine: true })).toBe('may');
  });

  it.each(rows.map((line) => (line.split('|')[1] ?? '').trim().replaceAll('`', '')))(
    'has %s for nobody without a certificate',
    async (route) => expect(await codeOf(route, undefined, { id: job })).toBe('NF_CERT_REFUSED'),
  );
});
