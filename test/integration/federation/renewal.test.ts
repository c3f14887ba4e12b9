import { join } from 'node:path';
import { expect, it } from 'vitest';
import { renewParticipant } from '../../../src/runtime/security/provision.ts';
import { LiveFederation, makeLiveKits, until } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const SECONDS = 1 / 86_400;

it('a client whose certificate ends goes on with the one renewed meanwhile, without a new start', async () => {
  const kits = await makeLiveKits(join(tempFolder(), 'kits'), { clients: 1 });
  const renew = (days: number) =>
    renewParticipant('site-1', { workspace: kits.root, days, rootDays: 3650, now: new Date() });
  await renew(8 * SECONDS);
  const ends = Date.now() + 8000;
  const federation = new LiveFederation(kits);
  try {
    await federation.startServer();
    await federation.startClient('site-1');
    await federation.connected(1);
    await renew(300);
    await until(() =>
      federation.said('site-1').some((line) => line.startsWith('The certificate was renewed')),
    );
    await until(() => Date.now() > ends);
    // Everybody shows a certificate again.
    await federation.stop('hub');
    await federation.startServer();
    await federation.connected(1);
    expect(federation.said('site-1').filter((line) => line.includes('is connected to'))).toHaveLength(1);
  } finally {
    await federation.close();
  }
});
