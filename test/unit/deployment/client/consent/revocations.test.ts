import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SiteRevocations } from '../../../../../src/runtime/deployment/client/consent/revocations.ts';
import { clientFolder } from '../../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { issueRevocations, issueRoot } from '../../../../../src/runtime/security/certificate/issue.ts';
import { newPrivateKey } from '../../../../../src/runtime/security/certificate/keys.ts';
import type { OpenKit } from '../../../../../src/runtime/security/kit/open.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

/** A list is dated a day back: clocks differ. */
const DAY = 86_400_000;

it('tells how old the list is that a site goes by, which a server may hold back', async () => {
  const dir = tempFolder();
  const key = await newPrivateKey();
  const made = new Date('2026-01-10T12:00:00Z');
  const rootPem = await issueRoot('p', key, { now: made, days: 900 });
  const folder = clientFolder(join(dir, 'work'));
  await mkdir(folder.root, { recursive: true });
  const kit = { dir, tls: { ca: rootPem } } as Pick<OpenKit, 'dir' | 'tls'>;
  const later = new Date(made.getTime() + 40 * DAY + 3_600_000);

  const none = await SiteRevocations.open(folder, kit);
  expect(none.told(later)).toMatch(/^no list of revoked certificates has come here/);

  const list = await issueRevocations({ rootPem, rootKey: key }, [{ serial: '0a', at: made }], made);
  await none.take(list);
  expect(none.told(later)).toMatch(/is of 2026-01-09T12:00:00Z, 41 days old, with 1 certificate: /);
  const known = await SiteRevocations.open(folder, kit);
  expect(known.told(later)).toBe(none.told(later));

  await mkdir(join(dir, 'local'), { recursive: true });
  const newer = await issueRevocations({ rootPem, rootKey: key }, [], later);
  await writeFile(join(dir, 'local/crl.pem'), newer);
  expect((await SiteRevocations.open(folder, kit)).told(later)).toContain(' 1 day old, with 0 certificates');
});
