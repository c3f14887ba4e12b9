import { createPublicKey, X509Certificate } from 'node:crypto';
import { appendFile, chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { identityOf, identityOfSubject } from '../../../src/runtime/security/certificate/identity.ts';
import {
  checkFingerprint,
  keyFingerprint,
  readPrivateKey,
} from '../../../src/runtime/security/certificate/keys.ts';
import {
  readAuthorization,
  readLogSettings,
  readSitePolicy,
} from '../../../src/runtime/security/kit/local-files.ts';
import { openKit } from '../../../src/runtime/security/kit/open.ts';
import { verifyKit } from '../../../src/runtime/security/kit/verify.ts';
import { DAY_MS, type Federation, makeFederation } from '../../support/federation-kits.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: Federation;
let stranger: Federation;
let next = 0;

async function copyOf(name: string): Promise<string> {
  next += 1;
  const kit = join(root, `kit-${next}`);
  await cp(federation.kit(name), kit, { recursive: true });
  return kit;
}

const faultsOf = async (kit: string) =>
  (await verifyKit(kit)).faults.map(({ problem, file }) => `${problem} ${file.replace('startup/', '')}`);

beforeAll(async () => {
  federation = await makeFederation(join(root, 'ours'));
  stranger = await makeFederation(join(root, 'theirs'));
});

describe('verifyKit', () => {
  it.each([
    ['rootCA.pem', ['changed rootCA.pem']],
    ['client.crt', ['changed client.crt']],
    ['fed_client.json', ['changed fed_client.json']],
  ])('names a changed %s', async (file, faults) => {
    const kit = await copyOf('site-1');
    await appendFile(join(kit, 'startup', file), '\n');
    expect(await faultsOf(kit)).toEqual(faults);
  });

  it.each([
    ['rootCA.pem', ['missing rootCA.pem']],
    ['client.crt', ['missing client.crt']],
    ['fed_client.json', ['missing fed_client.json']],
    ['client.key', ['missing client.key']],
    ['signature.json', ['missing signature.json']],
  ])('names a missing %s', async (file, faults) => {
    const kit = await copyOf('site-1');
    await rm(join(kit, 'startup', file));
    expect(await faultsOf(kit)).toEqual(faults);
  });

  it('names a file that was added, however deep', async () => {
    const kit = await copyOf('site-1');
    await mkdir(join(kit, 'startup/extra'));
    await writeFile(join(kit, 'startup/extra/run.sh'), 'x');
    const { faults } = await verifyKit(kit);
    expect(faults).toEqual([
      expect.objectContaining({ problem: 'added', mend: `rm ${join(kit, 'startup/extra/run.sh')}` }),
    ]);
  });

  it('says what to type, at the coordinator and at the site', async () => {
    const kit = await copyOf('site-2');
    await writeFile(join(kit, 'startup/fed_client.json'), '{}');
    const [fault] = (await verifyKit(kit)).faults;
    expect(fault?.mend).toContain('neuroflare provision --workspace WORKSPACE --renew site-2');
    expect(fault?.mend).toContain(`neuroflare package APPROVAL --out ${kit}`);
  });

  it('names a list that was changed, with every digest right', async () => {
    const kit = await copyOf('site-1');
    const path = join(kit, 'startup/signature.json');
    const signature = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...signature, signed_at: '2020-01-01T00:00:00.000Z' }));
    expect(await faultsOf(kit)).toEqual(['changed signature.json']);
    for (const text of ['', '[]', '{"version":1}']) {
      await writeFile(path, text);
      expect(await faultsOf(kit)).toEqual(['changed signature.json']);
    }
  });

  it('lets no list leave a file out', async () => {
    const kit = await copyOf('site-1');
    const path = join(kit, 'startup/signature.json');
    const { files, ...rest } = JSON.parse(await readFile(path, 'utf8'));
    const { 'startup/fed_client.json': _, ...fewer } = files;
    await writeFile(path, JSON.stringify({ ...rest, files: fewer }));
    expect(await faultsOf(kit)).toContain('changed signature.json');
  });

  it("refuses another authority's certificate, and another participant's", async () => {
    const kit = await copyOf('site-1');
    await cp(join(stranger.kit('site-1'), 'startup/client.crt'), join(kit, 'startup/client.crt'));
    expect(await faultsOf(kit)).toContain('foreign client.crt');
    await cp(join(federation.kit('site-2'), 'startup/client.crt'), join(kit, 'startup/client.crt'));
    expect(await faultsOf(kit)).toContain('foreign client.crt');
  });

  it('knows the authority it was added with', async () => {
    const { rootFingerprint } = federation.authority;
    expect((await verifyKit(federation.kit('hub'), { rootFingerprint })).faults).toEqual([]);
    const { faults } = await verifyKit(stranger.kit('hub'), { rootFingerprint });
    expect(faults).toEqual([expect.objectContaining({ problem: 'foreign', file: 'startup/rootCA.pem' })]);
  });

  it("refuses another's key", async () => {
    const kit = await copyOf('site-1');
    await cp(join(federation.kit('site-2'), 'startup/client.key'), join(kit, 'startup/client.key'));
    expect(await faultsOf(kit)).toEqual(['changed client.key']);
  });

  it.skipIf(process.platform === 'win32')(
    'refuses a key that others can read, with the chmod to type',
    async () => {
      const kit = await copyOf('hub');
      await chmod(join(kit, 'startup/server.key'), 0o640);
      const { faults } = await verifyKit(kit);
      expect(faults).toEqual([
        expect.objectContaining({ problem: 'exposed', mend: `chmod 600 ${join(kit, 'startup/server.key')}` }),
      ]);
      await expect(readPrivateKey(join(kit, 'startup/server.key'))).rejects.toMatchObject({
        code: 'NF_KEY_EXPOSED',
        message: expect.stringContaining('0640'),
        hint: `chmod 600 ${join(kit, 'startup/server.key')}`,
      });
    },
  );

  it('says when a certificate ended, and when it is not good yet', async () => {
    const late = new Date(Date.now() + 400 * DAY_MS);
    const { faults, daysLeft } = await verifyKit(federation.kit('site-1'), { now: late });
    expect(faults).toEqual([
      expect.objectContaining({ problem: 'expired', message: expect.stringMatching(/expired on \d{4}-/) }),
    ]);
    expect(daysLeft).toBeLessThan(0);
    const early = new Date(Date.now() - 2 * DAY_MS);
    expect((await verifyKit(federation.kit('site-1'), { now: early })).faults).toEqual([
      expect.objectContaining({ problem: 'not yet valid', message: expect.stringContaining('clock') }),
    ]);
  });

  it('is told apart from a folder that is no kit', async () => {
    await expect(verifyKit(join(root, 'none'))).rejects.toMatchObject({ code: 'NF_KIT_NOT_FOUND' });
    await expect(verifyKit(root)).rejects.toMatchObject({ message: /no folder 'startup'/ });
  });
});

describe('openKit', () => {
  it('says whose it is, where the server is, and until when', async () => {
    const kit = await openKit(federation.kit('ann@example.org'), 'admin');
    expect(kit).toMatchObject({
      project: 'brain',
      identity: { name: 'ann@example.org', org: 'university', type: 'admin', role: 'project_admin' },
      endpoint: { server: { name: 'hub', host: 'localhost', port: 8002 } },
      daysLeft: 364,
    });
    const server = await openKit(federation.kit('hub'), 'server');
    expect(server.endpoint.listen).toEqual({ host: '0.0.0.0', port: 8002 });
  });

  it('throws every fault with the way to mend it', async () => {
    const kit = await copyOf('site-1');
    await writeFile(join(kit, 'startup/fed_client.json'), '{}');
    await writeFile(join(kit, 'startup/more.txt'), '');
    await expect(openKit(kit, 'client')).rejects.toMatchObject({
      code: 'NF_KIT_FAULTY',
      message: expect.stringMatching(/fed_client\.json was changed; startup\/more\.txt does not belong/),
      hint: expect.stringMatching(/--renew site-1.*rm /s),
      place: { file: join(kit, 'startup/fed_client.json') },
    });
  });

  it('refuses the kit of another kind', async () => {
    await expect(openKit(federation.kit('site-1'), 'server')).rejects.toMatchObject({
      code: 'NF_KIT_TYPE',
      message: expect.stringContaining("is the kit of a client; a server's is needed"),
    });
  });
});

describe('identityOf', () => {
  it('reads name, organisation and role from the subject', async () => {
    const read = async (name: string, file: string) =>
      identityOf(new X509Certificate(await readFile(join(federation.kit(name), 'startup', file))));
    expect(await read('hub', 'server.crt')).toEqual({ name: 'hub', org: 'university', type: 'server' });
    expect(await read('site-1', 'client.crt')).toEqual({ name: 'site-1', org: 'hospital_a', type: 'client' });
  });

  it.each([
    [undefined],
    [{}],
    [{ CN: 'x', O: 'y', OU: 'boss' }],
    [{ CN: ['x', 'z'], O: 'y', OU: 'client' }],
    [{ CN: 'x', O: '', OU: 'client' }],
  ])('refuses %j', (subject) => {
    expect(() => identityOfSubject(subject)).toThrow(expect.objectContaining({ code: 'NF_CERT_IDENTITY' }));
  });
});

describe('checkFingerprint', () => {
  it('takes what openssl prints', async () => {
    const key = await readPrivateKey(join(federation.kit('hub'), 'startup/server.key'));
    const digits = keyFingerprint(createPublicKey(key));
    const colons = digits.toUpperCase().replace(/(..)(?!$)/g, '$1:');
    for (const text of [undefined, digits, colons, `SHA256:${digits}`, ` ${digits} `]) {
      expect(() => checkFingerprint('the key', digits, text)).not.toThrow();
    }
    expect(() => checkFingerprint('the key', digits, 'ab'.repeat(32))).toThrow(
      expect.objectContaining({ code: 'NF_FINGERPRINT_MISMATCH', exitCode: 2 }),
    );
    expect(() => checkFingerprint('the key', digits, 'abc')).toThrow(
      expect.objectContaining({ code: 'NF_FINGERPRINT_INVALID' }),
    );
  });
});

describe('local files', () => {
  it('are what the schemas take', async () => {
    expect(await readSitePolicy(federation.kit('site-1'))).toEqual({
      version: 1,
      code: 'approved',
      allowed_code: [],
      allowed_templates: [],
      send_logs: false,
      max_figures_kb: 16,
      max_figures: 200,
      figures_text: false,
      image_profile: true,
      least_people: 10,
      max_failure_characters: 500,
      privacy: { require: false, epsilon: 10, delta: 1e-4 },
      secure_aggregation: { require: false, min_sites: 3, peers: 'first_use' },
      task_result_filters: [],
      cross_site_evaluation: false,
      isolate: true,
      network: 'none',
      run_as: 'own',
    });
    expect(await readLogSettings(federation.kit('hub'))).toMatchObject({ level: 'info', kept_files: 10 });
    expect((await readAuthorization(federation.kit('hub'))).permissions.project_admin).toBe('any');
  });

  it('may be changed without breaking the kit, and are checked with their line', async () => {
    const kit = await copyOf('site-1');
    const path = join(kit, 'local/site-policy.yml');
    await writeFile(path, 'version: 1\nsend_log: true\n');
    expect(await faultsOf(kit)).toEqual([]);
    await expect(readSitePolicy(kit)).rejects.toMatchObject({
      code: 'NF_KIT_LOCAL',
      message: "unknown key 'send_log'. Did you mean 'send_logs'?",
      place: { file: path, line: 2, column: 1 },
    });
    await writeFile(path, 'version: [');
    await expect(readSitePolicy(kit)).rejects.toMatchObject({ code: 'NF_KIT_LOCAL_YAML' });
    await rm(path);
    await expect(readSitePolicy(kit)).rejects.toThrow('ENOENT');
  });
});
