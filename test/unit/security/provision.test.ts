import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openAuthority } from '../../../src/runtime/security/authority/authority.ts';
import { readLedger } from '../../../src/runtime/security/authority/ledger.ts';
import { openKit } from '../../../src/runtime/security/kit/open.ts';
import { verifyKit } from '../../../src/runtime/security/kit/verify.ts';
import {
  addParticipant,
  initAuthority,
  provision,
  renewParticipant,
} from '../../../src/runtime/security/provision.ts';
import {
  DAY_MS,
  type Federation,
  makeFederation,
  makeProject,
  site3,
} from '../../support/federation-kits.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const options = { days: 365, rootDays: 3650, now: new Date() };
let federation: Federation;
let next = 0;

/** A workspace of its own, with the same kits. */
async function copy(): Promise<string> {
  next += 1;
  const workspace = join(root, `copy-${next}`);
  await cp(federation.workspace, workspace, { recursive: true });
  return workspace;
}

beforeAll(async () => {
  federation = await makeFederation(join(root, 'kits'));
});

describe('provision', () => {
  it('makes a whole kit for everybody', async () => {
    for (const { path, participant } of federation.kits) {
      const report = await verifyKit(path);
      expect(report).toMatchObject({ faults: [], participant: participant.name, daysLeft: 364 });
      expect(report.identity).toMatchObject({ name: participant.name, org: participant.org });
    }
    expect(readdirSync(join(federation.kit('site-1'), 'startup')).sort()).toEqual(
      ['client.crt', 'client.key', 'fed_client.json', 'rootCA.pem', 'signature.json'].sort(),
    );
  });

  it.skipIf(process.platform === 'win32')('lets nobody else read a key', () => {
    for (const key of [
      'state/ca.key',
      'prod_00/hub/startup/server.key',
      'prod_00/site-1/startup/client.key',
    ]) {
      expect(statSync(join(federation.workspace, 'brain', key)).mode & 0o777).toBe(0o600);
    }
    expect(statSync(join(federation.workspace, 'brain/state')).mode & 0o777).toBe(0o700);
  });

  it('leaves nothing unfinished and no lock', () => {
    expect(readdirSync(join(federation.workspace, 'brain')).sort()).toEqual(['prod_00', 'state']);
  });

  it('never touches what is there: the same authority, the next number', async () => {
    const workspace = await copy();
    const again = await provision(makeProject(), { ...options, workspace });
    expect(again.folder).toBe(join(workspace, 'brain/prod_01'));
    expect(again.authority.rootFingerprint).toBe(federation.authority.rootFingerprint);
    const first = readFileSync(join(workspace, 'brain/prod_00/site-1/startup/client.key'), 'utf8');
    expect(first).toBe(readFileSync(join(federation.kit('site-1'), 'startup/client.key'), 'utf8'));
    expect((await verifyKit(join(workspace, 'brain/prod_01/site-1'))).faults).toEqual([]);
  });

  it('clears away what a killed run left, and goes on', async () => {
    const workspace = await copy();
    await mkdir(join(workspace, 'brain/.prod-0123abcd/site-1'), { recursive: true });
    await provision(makeProject(), { ...options, workspace });
    expect(readdirSync(join(workspace, 'brain')).sort()).toEqual(['prod_00', 'prod_01', 'state']);
  });

  it('lets one process in at a time', async () => {
    const workspace = await copy();
    await writeFile(join(workspace, 'brain/.lock'), `${process.pid} ${startOfThisProcess()}`);
    await expect(provision(makeProject(), { ...options, workspace })).rejects.toMatchObject({
      code: 'NF_PATH_BUSY',
      message: expect.stringContaining(String(process.pid)),
    });
  });

  it('writes every certificate down', async () => {
    const entries = await readLedger(federation.authority);
    expect(entries.map(({ name }) => name)).toEqual(['hub', 'site-1', 'site-2', 'ann@example.org']);
    const leaf = new X509Certificate(readFileSync(join(federation.kit('site-1'), 'startup/client.crt')));
    expect(entries[1]).toMatchObject({ serial: leaf.serialNumber.toLowerCase(), why: 'provision' });
  });

  it('ends no later than the authority itself', async () => {
    const workspace = join(root, 'short');
    const made = await makeFederation(workspace, { days: 365, rootDays: 20 });
    expect(made.kits[0]?.expires.getTime()).toBe(made.authority.rootExpires.getTime());
  });

  it('refuses to certify with an authority that has ended', async () => {
    const workspace = join(root, 'ended');
    await makeFederation(workspace, { rootDays: 1, days: 1, now: new Date(Date.now() - 2 * DAY_MS) });
    await expect(provision(makeProject(), { ...options, workspace })).rejects.toMatchObject({
      code: 'NF_CA_EXPIRED',
    });
    expect(existsSync(join(workspace, 'brain/prod_01'))).toBe(false);
  });

  it('names what is wrong with an authority', async () => {
    const workspace = await copy();
    const state = join(workspace, 'brain/state');
    await chmod(join(state, 'ca.key'), 0o644);
    const again = () => provision(makeProject(), { ...options, workspace });
    if (process.platform !== 'win32') await expect(again()).rejects.toMatchObject({ code: 'NF_KEY_EXPOSED' });
    await chmod(join(state, 'ca.key'), 0o600);
    await writeFile(join(state, 'issued.json'), '[');
    await expect(again()).rejects.toMatchObject({ code: 'NF_CA_BROKEN' });
    await cp(join(federation.kit('hub'), 'startup/server.key'), join(state, 'ca.key'));
    await expect(again()).rejects.toMatchObject({ code: 'NF_CA_BROKEN', message: /is not the key of/ });
    await rm(join(state, 'ca.key'));
    await expect(again()).rejects.toMatchObject({ code: 'NF_KEY_INVALID' });
  });

  it('makes the authority alone when asked, once', async () => {
    const workspace = join(root, 'alone');
    const authority = await initAuthority(makeProject(), { ...options, workspace });
    expect(readdirSync(authority.folder)).toEqual(['state']);
    await expect(initAuthority(makeProject(), { ...options, workspace })).rejects.toMatchObject({
      code: 'NF_CA_EXISTS',
    });
  });
});

describe('addParticipant', () => {
  it('makes one more kit under the same authority, which a later run keeps', async () => {
    const workspace = await copy();
    const { folder, kits } = await addParticipant(site3, { ...options, workspace });
    expect(readdirSync(folder)).toEqual(['site-3']);
    const kit = await openKit(kits[0]?.path ?? '', 'client');
    expect(kit.rootFingerprint).toBe(federation.authority.rootFingerprint);
    expect(kit.endpoint.server).toEqual({ name: 'hub', host: 'localhost', port: 8002 });
    await provision(makeProject(), { ...options, workspace });
    const { project } = await openAuthority(join(workspace, 'brain'));
    expect(project.participants.map(({ name }) => name)).toContain('site-3');
  });

  it('refuses a name that is taken, whatever its case', async () => {
    const workspace = await copy();
    await expect(
      addParticipant({ ...site3, name: 'SITE-1' }, { ...options, workspace }),
    ).rejects.toMatchObject({ code: 'NF_PARTICIPANT_EXISTS' });
  });

  it('refuses what would make the project invalid, and writes nothing', async () => {
    const workspace = await copy();
    const before = readFileSync(join(workspace, 'brain/state/project.json'), 'utf8');
    const far = { ...site3, connect_to: { host: '10.9.9.9' } };
    await expect(addParticipant(far, { ...options, workspace })).rejects.toMatchObject({
      code: 'NF_PROJECT_INVALID',
    });
    expect(readFileSync(join(workspace, 'brain/state/project.json'), 'utf8')).toBe(before);
  });

  it('wants to know which project is meant', async () => {
    const workspace = await copy();
    await makeFederation(workspace, { name: 'spine' });
    await expect(addParticipant(site3, { ...options, workspace })).rejects.toMatchObject({
      code: 'NF_PROJECT_AMBIGUOUS',
      message: expect.stringContaining('brain, spine'),
    });
    await expect(addParticipant(site3, { ...options, workspace, project: 'brian' })).rejects.toMatchObject({
      code: 'NF_PROJECT_UNKNOWN',
      message: expect.stringContaining("'brain'"),
    });
    await expect(
      addParticipant(site3, { ...options, workspace: join(root, 'nowhere') }),
    ).rejects.toMatchObject({ code: 'NF_PROJECT_UNKNOWN' });
  });
});

describe('renewParticipant', () => {
  it('renews in place: key and local files stay, the certificate is new', async () => {
    const workspace = await copy();
    const kit = join(workspace, 'brain/prod_00/site-1');
    const read = (path: string) => readFile(join(kit, path), 'utf8');
    const before = { key: await read('startup/client.key'), certificate: await read('startup/client.crt') };
    await writeFile(join(kit, 'local/site-policy.yml'), 'version: 1\ncode: any\n');
    const renewed = await renewParticipant('site-1', { ...options, workspace, days: 700 });
    expect(renewed.kit).toBe(kit);
    expect(await read('startup/client.key')).toBe(before.key);
    expect(await read('startup/client.crt')).not.toBe(before.certificate);
    expect(await read('local/site-policy.yml')).toBe('version: 1\ncode: any\n');
    expect(await verifyKit(kit)).toMatchObject({ faults: [], daysLeft: 699 });
    expect(await readFile(renewed.approval, 'utf8')).not.toContain('PRIVATE KEY');
  });

  it('brings a changed file back, and an ended kit to life', async () => {
    const workspace = join(root, 'mended');
    await makeFederation(workspace, { days: 1, now: new Date(Date.now() - 3 * DAY_MS) });
    const kit = join(workspace, 'brain/prod_00/site-2');
    await writeFile(join(kit, 'startup/fed_client.json'), '{}');
    expect((await verifyKit(kit)).faults.map(({ problem }) => problem)).toEqual(['changed', 'expired']);
    await renewParticipant('site-2', { ...options, workspace });
    expect((await verifyKit(kit)).faults).toEqual([]);
  });

  it('refuses who is not there', async () => {
    const workspace = await copy();
    await expect(renewParticipant('site-11', { ...options, workspace })).rejects.toMatchObject({
      code: 'NF_PARTICIPANT_UNKNOWN',
      message: expect.stringContaining("Did you mean 'site-1'?"),
    });
    const alone = join(root, 'alone-2');
    await initAuthority(makeProject(), { ...options, workspace: alone });
    await expect(renewParticipant('site-1', { ...options, workspace: alone })).rejects.toMatchObject({
      code: 'NF_PARTICIPANT_NO_KIT',
    });
  });
});

/** As the lock writes it: ticks since boot, or nothing where the system does not tell. */
function startOfThisProcess(): string {
  try {
    const text = readFileSync('/proc/self/stat', 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
