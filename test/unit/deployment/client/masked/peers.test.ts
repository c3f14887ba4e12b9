import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  approvePeer,
  listPeers,
  PeerKeys,
  type PeerRules,
} from '../../../../../src/runtime/deployment/client/masked/peers.ts';
import { clientFolder } from '../../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
const folderOf = () => {
  count += 1;
  const folder = { ...clientFolder(root) };
  return {
    ...folder,
    peersSeen: join(root, `seen-${count}.json`),
    peersApproved: join(root, `approved-${count}.json`),
  };
};
const [A, B] = ['a'.repeat(64), 'b'.repeat(64)];
const rules = (peers: PeerRules['peers']): PeerRules => ({ peers, command: 'approve KIT' });

describe('the keys of the other sites', () => {
  it('are those that sites are seen with first, and no others after that', async () => {
    const folder = folderOf();
    const first = await PeerKeys.open(folder, rules('first_use'));
    expect(first.fault('site-2', A)).toBeUndefined();
    await first.keep();
    const later = await PeerKeys.open(folder, rules('first_use'));
    expect(later.fault('site-2', A)).toBeUndefined();
    expect(later.fault('site-2', B)).toMatch(/its key is b{16}, and here a{16}.*'approve KIT site-2'/);
    await later.keep();
    expect(await listPeers(folder)).toMatchObject([
      { site: 'site-2', key_sha256: A, state: 'first use' },
      { site: 'site-2', key_sha256: B, state: 'waiting' },
    ]);
    expect(await approvePeer(folder, 'site-2', B)).toBe(true);
    expect(await approvePeer(folder, 'site-2', B)).toBe(false);
    const then = await PeerKeys.open(folder, rules('first_use'));
    expect([then.fault('site-2', B), typeof then.fault('site-2', A)]).toEqual([undefined, 'string']);
    expect(await listPeers(folder)).toMatchObject([{ site: 'site-2', key_sha256: B, state: 'approved' }]);
  });

  it('that were taken at first wait again once they are refused for an approved one', async () => {
    const folder = folderOf();
    const first = await PeerKeys.open(folder, rules('first_use'));
    first.fault('site-2', A);
    await first.keep();
    await approvePeer(folder, 'site-2', B);
    expect(await listPeers(folder)).toMatchObject([{ key_sha256: B, state: 'approved' }]);
    const later = await PeerKeys.open(folder, rules('first_use'));
    expect(later.fault('site-2', A)).toMatch(/here b{16} is known/);
    await later.keep();
    expect(await listPeers(folder)).toMatchObject([
      { key_sha256: B, state: 'approved' },
      { key_sha256: A, state: 'waiting' },
    ]);
  });

  it('are approved before they count, where the policy wants them pinned', async () => {
    const folder = folderOf();
    const keys = await PeerKeys.open(folder, rules('pinned'));
    expect(keys.fault('site-3', A)).toMatch(/a{16} was not approved at this site/);
    await keys.keep();
    expect(await listPeers(folder)).toMatchObject([{ site: 'site-3', state: 'waiting' }]);
    await approvePeer(folder, 'site-3', A);
    expect((await PeerKeys.open(folder, rules('pinned'))).fault('site-3', A)).toBeUndefined();
  });

  it('that are seen first do not count once the policy wants them pinned before', async () => {
    const folder = folderOf();
    const keys = await PeerKeys.open(folder, rules('pinned'));
    keys.fault('site-2', A);
    await keys.keep();
    // What waited is not taken for a first use when the policy is changed back.
    const later = await PeerKeys.open(folder, rules('first_use'));
    expect(later.fault('site-2', B)).toBeUndefined();
  });

  it.each([
    ['no JSON', '{'],
    ['a key that is none', JSON.stringify({ approved: [{ site: 'a', key_sha256: 'x', by: 'b', time: '' }] })],
  ])('in a file that is %s let nobody in', async (_, text) => {
    const folder = folderOf();
    writeFileSync(folder.peersApproved, text);
    await expect(PeerKeys.open(folder, rules('first_use'))).rejects.toMatchObject({
      code: 'NF_PEERS_INVALID',
      place: { file: folder.peersApproved },
    });
  });
});
