import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openKit } from '../../../src/runtime/security/kit/open.ts';
import { isSignedInProject, logKey } from '../../../src/runtime/security/log-key.ts';
import { openChainedLog, verifyChainedLog } from '../../../src/runtime/security/logs/chained-log.ts';
import { renewParticipant } from '../../../src/runtime/security/provision.ts';
import { findLogs } from '../../../src/runtime/security/verify-logs.ts';
import { type Federation, makeFederation } from '../../support/federation-kits.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
let ours: Federation;
let theirs: Federation;
let rootPem: string;

beforeAll(async () => {
  ours = await makeFederation(join(root, 'ours'));
  theirs = await makeFederation(join(root, 'theirs'));
  rootPem = await readFile(join(ours.kit('hub'), 'startup/rootCA.pem'), 'utf8');
});

describe('the key of a log', () => {
  it.each([
    ['hub', 'server'],
    ['site-1', 'client'],
    ['ann@example.org', 'admin'],
  ] as const)('of %s signs, and everybody in the project can tell', async (name, type) => {
    const key = logKey(await openKit(ours.kit(name), type));
    const signature = key.sign('text');
    expect(isSignedInProject(rootPem)('text', signature, key.certificate)).toBe(true);
    expect(key.isSigned('text', signature, key.certificate)).toBe(true);
  });

  it('is not that of another text, signature, certificate or project', async () => {
    const key = logKey(await openKit(ours.kit('hub'), 'server'));
    const other = logKey(await openKit(ours.kit('site-1'), 'client'));
    const foreign = logKey(await openKit(theirs.kit('hub'), 'server'));
    const isSigned = isSignedInProject(rootPem);
    expect(isSigned('text', key.sign('other'), key.certificate)).toBe(false);
    expect(isSigned('text', key.sign('text'), other.certificate)).toBe(false);
    expect(isSigned('text', foreign.sign('text'), foreign.certificate)).toBe(false);
    expect(isSigned('text', foreign.sign('text'), key.certificate)).toBe(false);
    for (const text of ['', 'x', '====', 'AAAA']) {
      expect(isSigned('text', text, key.certificate)).toBe(false);
      expect(isSigned('text', key.sign('text'), text)).toBe(false);
    }
  });

  it('takes no signature of another participant of the project for its own', async () => {
    const key = logKey(await openKit(ours.kit('hub'), 'server'));
    const other = logKey(await openKit(ours.kit('site-1'), 'client'));
    const path = join(root, `foreign-${count++}.jsonl`);
    const log = await openChainedLog<{ n: number }>(path, other);
    await log.append({ n: 1 });
    await log.close();
    await expect(openChainedLog(path, key)).rejects.toMatchObject({ code: 'NF_AUDIT_DAMAGED' });
    const hub = await findLogs(path, { root: join(ours.kit('hub'), 'startup/rootCA.pem'), signer: 'hub' });
    const { findings } = await verifyChainedLog(path, hub.isSigned);
    expect(findings.map(({ problem }) => problem)).toEqual([
      'where it ends is not signed by the participant whose log it is',
    ]);
  });

  it('stays good when its certificate is renewed', async () => {
    const workspace = join(root, 'renewed');
    const federation = await makeFederation(workspace);
    const before = logKey(await openKit(federation.kit('site-1'), 'client'));
    const signature = before.sign('text');
    await renewParticipant('site-1', { workspace, days: 30, rootDays: 30, now: new Date() });
    expect(before.isSigned('text', signature, before.certificate)).toBe(true);
  });
});

it("a kit's log that a member of another hospital has rewritten and signed is not whole", async () => {
  const workspace = join(root, 'rewritten');
  const federation = await makeFederation(workspace);
  const kit = federation.kit('hub');
  const path = join(kit, 'state/audit.jsonl');
  await mkdir(join(kit, 'state'), { recursive: true });
  const member = logKey(await openKit(federation.kit('ann@example.org'), 'admin'));
  const log = await openChainedLog<{ n: number }>(path, member);
  await log.append({ n: 1 });
  await log.close();
  const { paths, isSigned } = await findLogs(kit);
  expect(paths).toEqual([path]);
  expect((await verifyChainedLog(path, isSigned)).findings).toHaveLength(1);
});

it('an older log with its own end is found out by a head that somebody has kept', async () => {
  const kit = await openKit(ours.kit('hub'), 'server');
  const path = join(root, `aged-${count++}.jsonl`);
  const copy = async (suffix: string) => {
    for (const end of ['', '.head']) await cp(`${path}${end}`, `${path}${suffix}${end}`);
  };
  const append = async (n: number) => {
    const log = await openChainedLog<{ n: number }>(path, logKey(kit));
    await log.append({ n });
    await log.close();
  };
  await append(1);
  await copy('.older');
  await append(2);
  const problems = async (log: string, head: string) =>
    (await verifyChainedLog(log, logKey(kit).isSigned, { knownHead: head })).findings.map(
      ({ problem }) => problem,
    );
  expect(await problems(`${path}.older`, `${path}.older.head`)).toEqual([]);
  expect(await problems(`${path}.older`, `${path}.head`)).toEqual([
    'it ends at entry 1, and a head of entry 2 is known: it is an older copy',
  ]);
  expect(await problems(path, `${path}.older.head`)).toEqual([]);
  expect(await problems(path, join(root, 'nowhere'))).toEqual(['the known head cannot be read']);
});

describe('the logs that are verified', () => {
  let kit = '';

  beforeEach(async () => {
    kit = join(root, `kit-${count++}`);
    await mkdir(join(kit, 'startup'), { recursive: true });
    await writeFile(join(kit, 'startup/rootCA.pem'), rootPem);
  });

  const write = async (path: string) => {
    await mkdir(join(kit, path, '..'), { recursive: true });
    const key = logKey(await openKit(ours.kit('hub'), 'server'));
    const log = await openChainedLog<{ n: number }>(join(kit, path), key);
    await log.append({ n: 1 });
    await log.append({ n: 2 });
    await log.close();
  };
  const verify = async (path: string, rootPath?: string) => {
    const { paths, isSigned } = await findLogs(path, { root: rootPath });
    const reports = await Promise.all(paths.map((one) => verifyChainedLog(one, isSigned)));
    return reports.map(({ findings }, index) => [paths[index]?.slice(kit.length + 1), findings.length]);
  };

  it('of a kit are all that a server or client keeps in it', async () => {
    const all = ['state/audit.jsonl', 'work/audit.jsonl', 'work/approvals-audit.jsonl', 'work/egress.jsonl'];
    for (const path of all) await write(path);
    expect(await verify(kit)).toEqual(all.map((path) => [path, 0]));
  });

  it('of a kit are those that are there', async () => {
    await write('work/egress.jsonl');
    expect(await verify(kit)).toEqual([['work/egress.jsonl', 0]]);
  });

  it('of a kit have one that somebody removed, as long as its head is there', async () => {
    await write('work/egress.jsonl');
    await write('work/audit.jsonl');
    await rm(join(kit, 'work/audit.jsonl'));
    expect(await verify(kit)).toEqual([
      ['work/audit.jsonl', 1],
      ['work/egress.jsonl', 0],
    ]);
  });

  it('may be one file, with the certificate of its project', async () => {
    await write('state/audit.jsonl');
    const path = join(kit, 'state/audit.jsonl');
    expect(await verify(path, join(kit, 'startup/rootCA.pem'))).toEqual([['state/audit.jsonl', 0]]);
    await expect(findLogs(path)).rejects.toMatchObject({
      code: 'NF_USAGE',
      message: expect.stringContaining('--root'),
    });
  });

  it('are not those of another project', async () => {
    await write('state/audit.jsonl');
    const foreign = join(theirs.kit('hub'), 'startup/rootCA.pem');
    expect(await verify(kit, foreign)).toEqual([['state/audit.jsonl', 1]]);
  });

  it('are none in a kit that has not run, where there is no kit, or nothing', async () => {
    const none = { code: 'NF_AUDIT_NONE', exitCode: 4 };
    await expect(findLogs(kit)).rejects.toMatchObject({ ...none, place: { file: kit } });
    await expect(findLogs(join(kit, 'nowhere'))).rejects.toMatchObject(none);
    await write('state/audit.jsonl');
    await rm(join(kit, 'startup/rootCA.pem'));
    await expect(findLogs(kit)).rejects.toMatchObject(none);
  });

  it('need a certificate that is one', async () => {
    await write('state/audit.jsonl');
    await writeFile(join(kit, 'x.pem'), 'x');
    for (const path of [kit, join(kit, 'state/audit.jsonl')])
      await expect(findLogs(path, { root: join(kit, 'x.pem') })).rejects.toMatchObject({
        code: 'NF_USAGE',
        message: expect.stringContaining('x.pem is no certificate'),
      });
  });
});
