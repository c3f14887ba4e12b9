import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serverAddress } from '../../../src/runtime/security/kit/endpoint.ts';
import { verifyKit } from '../../../src/runtime/security/kit/verify.ts';
import { moveServer } from '../../../src/runtime/security/move-server.ts';
import { addParticipant } from '../../../src/runtime/security/provision.ts';
import { makeFederation, site3 } from '../../support/federation-kits.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const NAMES = ['hub', 'site-1', 'site-2', 'ann@example.org'];
let workspace = '';
let count = 0;

beforeAll(async () => {
  await makeFederation(join(root, 'made'));
});

/** A copy of one federation. */
beforeEach(async () => {
  workspace = join(root, String(count++));
  await cp(join(root, 'made'), workspace, { recursive: true });
});

const kit = (name: string) => join(workspace, 'brain/prod_00', name);
const kitsOf = (names: readonly string[]) => new Map(names.map((name) => [name, kit(name)]));
const portOf = async (name: string) => {
  const { endpoint, faults } = await verifyKit(kit(name));
  expect(faults).toEqual([]);
  return endpoint && serverAddress(endpoint).port;
};

describe('a server that moves to another port', () => {
  it('is found there with every kit, which are as whole as before', async () => {
    await moveServer({ workspace, project: 'brain', port: 4711, kits: kitsOf(NAMES) });
    expect(await Promise.all(NAMES.map(portOf))).toEqual([4711, 4711, 4711, 4711]);
    const { endpoint } = await verifyKit(kit('hub'));
    expect(endpoint).toMatchObject({ listen: { port: 4711 }, advertised: { port: 4711, host: 'localhost' } });
  });

  it('keeps keys, certificates and what the sites set', async () => {
    const kept = ['startup/client.key', 'startup/client.crt', 'startup/rootCA.pem', 'local/site-policy.yml'];
    const read = () => Promise.all(kept.map((path) => readFile(join(kit('site-1'), path), 'utf8')));
    const before = await read();
    await moveServer({ workspace, project: 'brain', port: 4711, kits: kitsOf(NAMES) });
    expect(await read()).toEqual(before);
  });

  it('leaves kits alone that are not at hand', async () => {
    const before = await portOf('site-2');
    await moveServer({ workspace, project: 'brain', port: 4711, kits: kitsOf(['hub', 'site-1']) });
    expect(await Promise.all(['hub', 'site-1', 'site-2'].map(portOf))).toEqual([4711, 4711, before]);
  });

  it('is where kits made later look for it', async () => {
    await moveServer({ workspace, project: 'brain', port: 4711, kits: kitsOf(NAMES) });
    const options = { workspace, project: undefined, days: 9, rootDays: 9, now: new Date() };
    const { kits } = await addParticipant(site3, options);
    const { endpoint } = await verifyKit(kits[0]?.path ?? '');
    expect(endpoint).toMatchObject({ server: { port: 4711 } });
  });

  it('can move again', async () => {
    for (const port of [4711, 4712])
      await moveServer({ workspace, project: 'brain', port, kits: kitsOf(NAMES) });
    expect(await portOf('site-1')).toBe(4712);
  });

  it('stays where it is without the authority', async () => {
    const before = await portOf('hub');
    await expect(
      moveServer({ workspace, project: 'other', port: 4711, kits: kitsOf(NAMES) }),
    ).rejects.toMatchObject({ code: 'NF_PROJECT_UNKNOWN' });
    await rm(join(workspace, 'brain/state/ca.key'));
    await expect(
      moveServer({ workspace, project: 'brain', port: 4711, kits: kitsOf(NAMES) }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^NF_(CA|KEY)_/) });
    expect(await Promise.all(['hub', 'site-1'].map(portOf))).toEqual([before, before]);
  });
});
