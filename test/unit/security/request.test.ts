import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { packageKit } from '../../../src/runtime/security/approval/package.ts';
import { type MadeRequest, makeRequest } from '../../../src/runtime/security/approval/request.ts';
import { openKit } from '../../../src/runtime/security/kit/open.ts';
import { verifyKit } from '../../../src/runtime/security/kit/verify.ts';
import { approveRequest, initAuthority, renewParticipant } from '../../../src/runtime/security/provision.ts';
import { makeFederation, makeProject } from '../../support/federation-kits.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const at = (...parts: string[]) => join(root, ...parts);
const options = { workspace: at('kits'), days: 365, rootDays: 3650, now: new Date() };
let rootFingerprint: string;
let site: MadeRequest;
let approval: string;

beforeAll(async () => {
  ({ rootFingerprint } = await initAuthority(makeProject(), options));
  site = await makeRequest({ name: 'site-1', type: 'client', org: 'hospital_a', out: at('site') });
  approval = (await approveRequest(site.request, { ...options, fingerprint: site.fingerprint })).approval;
});

/** A changed copy of a JSON file. */
async function changed(path: string, change: (value: Record<string, unknown>) => object): Promise<string> {
  const copy = at(`changed-${Math.random()}.json`);
  await writeFile(copy, JSON.stringify(change(JSON.parse(await readFile(path, 'utf8')))));
  return copy;
}

describe('cert request', () => {
  it('keeps the key, for its owner alone, and sends none', () => {
    expect(readdirSync(at('site')).sort()).toEqual(['private.key', 'request.json']);
    expect(readFileSync(site.request, 'utf8')).not.toContain('PRIVATE');
    if (process.platform !== 'win32') expect(statSync(site.key).mode & 0o777).toBe(0o600);
  });

  it('never overwrites a key', async () => {
    const before = readFileSync(site.key, 'utf8');
    await expect(
      makeRequest({ name: 'site-1', type: 'client', org: 'hospital_a', out: at('site') }),
    ).rejects.toMatchObject({ code: 'NF_REQUEST_EXISTS' });
    expect(readFileSync(site.key, 'utf8')).toBe(before);
  });

  it.each([
    [{ name: '../x', type: 'client', org: 'a' }, /^name use up to 64/],
    [{ name: 'x', type: 'client', org: 'a', role: 'lead' }, /^role is for admins only/],
    [{ name: 'a@b.org', type: 'admin', org: 'a' }, /^role must be one of/],
    [{ name: 'x', type: 'admin', org: 'a', role: 'lead' }, /e-mail address/],
    [{ name: 'x', type: 'client', org: 'a, OU=project_admin' }, /^org use up to 64/],
  ] as const)('refuses %j', async (wish, message) => {
    await expect(makeRequest({ ...wish, out: at('refused') })).rejects.toMatchObject({
      code: 'NF_USAGE',
      message: expect.stringMatching(message),
    });
    expect(existsSync(at('refused'))).toBe(false);
  });
});

describe('cert approve', () => {
  it('checks the fingerprint that was told', async () => {
    await expect(
      approveRequest(site.request, { ...options, fingerprint: '00'.repeat(32) }),
    ).rejects.toMatchObject({ code: 'NF_FINGERPRINT_MISMATCH' });
  });

  it('makes nobody what the project does not say', async () => {
    const bold = await makeRequest({
      name: 'site-2',
      type: 'client',
      org: 'hospital_a',
      out: at('bold'),
    });
    await expect(approveRequest(bold.request, options)).rejects.toMatchObject({
      code: 'NF_REQUEST_MISMATCH',
      message:
        'The request of site-2 asks for type client, org hospital_a, the project says type client, org hospital_b.',
    });
    const unknown = await makeRequest({ name: 'site-9', type: 'client', org: 'a', out: at('unknown') });
    await expect(approveRequest(unknown.request, options)).rejects.toMatchObject({
      code: 'NF_PARTICIPANT_UNKNOWN',
    });
  });

  it('takes a newer project file', async () => {
    const late = await makeRequest({ name: 'late', type: 'client', org: 'a', out: at('late') });
    const project = makeProject();
    const newer = {
      ...project,
      participants: [...project.participants, { name: 'late', type: 'client' as const, org: 'a' }],
    };
    const { issued } = await approveRequest(late.request, { ...options, project: newer });
    expect(issued.participant.name).toBe('late');
  });

  it('wants the proof that the sender holds the key', async () => {
    const csr = JSON.parse(readFileSync(site.request, 'utf8')).csr as string;
    const lines = csr.trim().split('\n');
    const last = lines.at(-2) ?? '';
    const forged = csr.replace(last, `${last.slice(0, 4)}${last[4] === 'A' ? 'B' : 'A'}${last.slice(5)}`);
    const request = await changed(site.request, (value) => ({ ...value, csr: forged }));
    await expect(approveRequest(request, options)).rejects.toMatchObject({ code: 'NF_REQUEST_INVALID' });
  });

  it.each([
    ['another name than its key', { name: 'site-2', org: 'hospital_b' }, /its key of site-1/],
    ['no CSR', { csr: 'hello' }, /./],
    ['a key of its own making', { extra: 1 }, /Unrecognized key/],
    ['another kind', { kind: 'neuroflare-approval' }, /kind/],
  ])('refuses %s', async (_, fields, message) => {
    const request = await changed(site.request, (value) => ({ ...value, ...fields }));
    await expect(approveRequest(request, options)).rejects.toMatchObject({
      code: 'NF_REQUEST_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('refuses what is no request', async () => {
    await writeFile(at('text'), 'not JSON');
    await expect(approveRequest(at('text'), options)).rejects.toMatchObject({ code: 'NF_REQUEST_INVALID' });
    await writeFile(at('big'), ' '.repeat(1_000_001));
    await expect(approveRequest(at('big'), options)).rejects.toMatchObject({ code: 'NF_REQUEST_INVALID' });
    await expect(approveRequest(at('none'), options)).rejects.toMatchObject({ code: 'NF_PATH_MISSING' });
  });
});

describe('package', () => {
  it('makes a kit at the site, which is like any other', async () => {
    const out = at('kit');
    const made = await packageKit({ approval, request: at('site'), out, fingerprint: rootFingerprint });
    expect(made).toMatchObject({ renewed: false, report: { faults: [], participant: 'site-1' } });
    const kit = await openKit(out, 'client');
    expect(kit.tls.key).toBe(readFileSync(site.key, 'utf8'));
    expect(readdirSync(join(out, 'local')).sort()).toEqual([
      'log-config.yml',
      'resources.yml',
      'site-policy.yml',
    ]);
  });

  it('renews in place, with the key that is there', async () => {
    const out = at('renewed');
    await packageKit({ approval, request: at('site'), out });
    await writeFile(join(out, 'startup/fed_client.json'), 'edited');
    await writeFile(join(out, 'local/site-policy.yml'), 'version: 1\n');
    const renewal = await renewParticipant('site-1', { ...options, days: 500 });
    expect(renewal.kit).toBeUndefined();
    const made = await packageKit({ approval: renewal.approval, out });
    expect(made).toMatchObject({ renewed: true, report: { faults: [], daysLeft: 499 } });
    expect(readFileSync(join(out, 'local/site-policy.yml'), 'utf8')).toBe('version: 1\n');
  });

  it('refuses the key of another, and to go without one', async () => {
    const other = await makeRequest({ name: 'site-1', type: 'client', org: 'hospital_a', out: at('other') });
    await expect(packageKit({ approval, request: other.folder, out: at('wrong') })).rejects.toMatchObject({
      code: 'NF_APPROVAL_KEY',
    });
    await expect(packageKit({ approval, out: at('wrong') })).rejects.toMatchObject({
      code: 'NF_APPROVAL_KEY',
    });
    expect(existsSync(at('wrong'))).toBe(false);
  });

  it('refuses another authority: by the fingerprint told, or by the one in the kit', async () => {
    await expect(
      packageKit({ approval, request: at('site'), out: at('doubt'), fingerprint: 'ab'.repeat(32) }),
    ).rejects.toMatchObject({ code: 'NF_FINGERPRINT_MISMATCH', exitCode: 2 });
    const out = at('faithful');
    await packageKit({ approval, request: at('site'), out });
    const elsewhere = { ...options, workspace: at('elsewhere') };
    await initAuthority(makeProject(), elsewhere);
    const foreign = (await approveRequest(site.request, elsewhere)).approval;
    await expect(packageKit({ approval: foreign, out })).rejects.toMatchObject({
      code: 'NF_FINGERPRINT_MISMATCH',
    });
    expect((await verifyKit(out)).faults).toEqual([]);
  });

  it('leaves a folder that is no kit of this key alone', async () => {
    await mkdir(at('taken'));
    await expect(packageKit({ approval, request: at('site'), out: at('taken') })).rejects.toMatchObject({
      code: 'NF_KIT_EXISTS',
    });
    const federation = await makeFederation(at('others'));
    const kit = at('of-another');
    await cp(federation.kit('site-2'), kit, { recursive: true });
    await expect(packageKit({ approval, request: at('site'), out: kit })).rejects.toMatchObject({
      code: 'NF_KIT_EXISTS',
    });
    expect((await verifyKit(kit)).faults).toEqual([]);
  });

  it.each([
    ['a path out of the kit', (files: object) => ({ ...files, '../../x': 'y' }), /it holds \.\.\/\.\.\/x/],
    ['a file too few', ({ 'startup/signature.json': _, ...files }: Record<string, string>) => files, /where/],
    [
      'a file that was changed',
      (files: Record<string, string>) => ({ ...files, 'startup/fed_client.json': '{}' }),
      /fed_client\.json was changed/,
    ],
    [
      'a certificate that is none',
      (files: Record<string, string>) => ({ ...files, 'startup/client.crt': 'x' }),
      /client\.crt is no certificate/,
    ],
  ])('refuses an approval with %s', async (_, change, message) => {
    const bad = await changed(approval, (value) => ({
      ...value,
      files: change(value.files as Record<string, string>),
    }));
    await expect(packageKit({ approval: bad, request: at('site'), out: at('bad') })).rejects.toMatchObject({
      code: 'NF_APPROVAL_INVALID',
      message: expect.stringMatching(message),
    });
    expect(existsSync(at('bad'))).toBe(false);
  });

  it('refuses an approval for another participant than its files say', async () => {
    const bad = await changed(approval, (value) => ({ ...value, participant: 'site-2' }));
    await expect(packageKit({ approval: bad, request: at('site'), out: at('bad') })).rejects.toMatchObject({
      code: 'NF_APPROVAL_INVALID',
    });
    for (const participant of ['../elsewhere', '/tmp/x', '.', '']) {
      const elsewhere = await changed(approval, (value) => ({ ...value, participant }));
      await expect(packageKit({ approval: elsewhere, request: at('site') })).rejects.toMatchObject({
        code: 'NF_APPROVAL_INVALID',
        message: expect.stringContaining('must be the name of a participant'),
      });
    }
    await writeFile(at('junk'), '{');
    await expect(packageKit({ approval: at('junk'), out: at('bad') })).rejects.toMatchObject({
      code: 'NF_APPROVAL_INVALID',
    });
  });
});
