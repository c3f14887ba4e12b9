import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderOf } from '../../../src/runtime/deployment/client/site-desk.ts';
import { logHead } from '../../../src/runtime/network/messages/log-head.ts';
import { verifyChainedLog } from '../../../src/runtime/security/logs/chained-log.ts';
import { findLogs } from '../../../src/runtime/security/verify-logs.ts';
import { LiveFederation, until } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let log = '';
let kept = '';

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 1 });
  log = join(federation.state, 'audit.jsonl');
  kept = folderOf({ kitDir: federation.kits.kit('site-1') }).serverAudit;
});
afterAll(() => federation.close());

const keptSeq = async () => {
  const text = await readFile(kept, 'utf8').catch(() => undefined);
  return text === undefined ? 0 : logHead.parse(JSON.parse(text)).seq;
};
/** What `audit verify LOG --root rootCA.pem --signer hub --head FILE` finds. */
const findings = async () => {
  const pem = join(federation.kits.kit('site-1'), 'startup/rootCA.pem');
  const { isSigned } = await findLogs(log, { root: pem, signer: 'hub' });
  return (await verifyChainedLog(log, isSigned, { knownHead: kept })).findings.map(({ problem }) => problem);
};
const copies = async (to: (path: string) => string, from = (path: string) => path) => {
  for (const path of [log, `${log}.head`]) await copyFile(from(path), to(path));
};
const restartClient = async () => {
  await federation.stop('site-1');
  await federation.startClient('site-1');
};
const warned = () => federation.said('site-1').filter((line) => line.startsWith('NF_SERVER_AUDIT'));
const old = (path: string) => `${path}.old`;

describe("the end of the server's audit log at a site", () => {
  it('is kept in a line, and the log holds its entry', async () => {
    await until(async () => (await keptSeq()) > 0);
    expect((await readFile(kept, 'utf8')).trim().split('\n')).toHaveLength(1);
    expect(await findings()).toEqual([]);
  });

  it('tells an older log, which is sound in itself, from the one that was there', async () => {
    await copies(old);
    const before = await keptSeq();
    for (let more = 0; more < 3; more++) {
      const last = await keptSeq();
      await restartClient();
      await until(async () => (await keptSeq()) > last);
    }
    const newest = await keptSeq();
    expect(newest).toBeGreaterThan(before + 2);
    expect(await findings()).toEqual([]);
    await federation.stop('site-1');
    await federation.stop('hub');
    await copies((path) => path, old);
    expect(await findings()).toEqual([expect.stringContaining('it is an older copy')]);
    await federation.startServer();
    await federation.startClient('site-1');
    await until(() => warned().length === 1);
    expect(warned()[0]).toContain(`and had ${newest} before`);
    expect(await keptSeq()).toBe(newest);
  });

  it('that was damaged is said, and the newest one is kept from then on', async () => {
    await federation.stop('site-1');
    await writeFile(kept, (await readFile(kept, 'utf8')).replace(/"seq":\d+/, '"seq":1'));
    await federation.startClient('site-1');
    await until(async () => warned().length === 1 && (await keptSeq()) > 1);
    expect(warned()[0]).toContain('cannot be read, or is not signed by the server');
    expect(await findings()).toEqual([]);
  });

  it('begins anew where somebody at the site has removed it', async () => {
    await federation.stop('site-1');
    await rm(kept);
    await federation.startClient('site-1');
    await until(async () => (await keptSeq()) > 0);
    expect(warned()).toEqual([]);
  });
});
