import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Connection } from '../../../src/runtime/network/transfer/connection.ts';
import { type Authority, openAuthority } from '../../../src/runtime/security/authority/authority.ts';
import { issueLeaf, issueRevocations, issueRoot } from '../../../src/runtime/security/certificate/issue.ts';
import { keyPem, newPrivateKey } from '../../../src/runtime/security/certificate/keys.ts';
import { openKit } from '../../../src/runtime/security/kit/open.ts';
import type { Participant } from '../../../src/runtime/security/project/schema.ts';
import { revokeParticipant } from '../../../src/runtime/security/provision.ts';
import { DAY_MS, makeFederation } from '../../support/federation-kits.ts';
import { LIMITS } from '../../support/limits.ts';
import { LiveFederation, makeLiveKits, until } from '../../support/live-federation.ts';
import { ask, tlsOf } from '../../support/raw-request.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { serveTls } from '../../support/tls-server.ts';

const root = tempFolder();
let federation: LiveFederation;
let authority: Authority;
let foreign: Authority;

interface Shown {
  readonly cert: string;
  readonly key: string;
}
type Signer = Pick<Authority, 'rootPem' | 'rootKey'>;

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits')));
  await federation.startServer();
  authority = await openAuthority(join(federation.kits.root, 'brain'));
  await makeFederation(join(root, 'theirs'));
  foreign = await openAuthority(join(root, 'theirs/brain'));
});
afterAll(() => federation.close());

const SITE = { name: 'site-1', type: 'client', org: 'hospital_1' } as Participant;
const HUB = {
  name: 'hub',
  type: 'server',
  org: 'university',
  default_host: 'localhost',
  host_names: ['127.0.0.1'],
} as Participant;

/** A certificate as an authority issues it, of another time or for somebody else. */
async function issued(participant: Participant, { by = authority as Signer, inDays = 0, days = 30 } = {}) {
  const key = await newPrivateKey();
  const now = new Date(Date.now() + inDays * DAY_MS);
  const cert = await issueLeaf(by, { participant, publicKey: createPublicKey(key), now, days });
  return { cert, key: keyPem(key), rootKey: key };
}
const selfSigned = async (name: string): Promise<Shown> => {
  const key = await newPrivateKey();
  return { cert: await issueRoot(name, key, { now: new Date(), days: 9 }), key: keyPem(key) };
};
/** One that plays the authority and is none. */
async function bySite(participant: Participant): Promise<Shown> {
  const site = await issued(SITE);
  const by = { rootPem: site.cert, rootKey: site.rootKey as KeyObject };
  const { cert, key } = await issued(participant, { by });
  return { cert: `${cert}${site.cert}`, key };
}
async function revoked(): Promise<Shown> {
  const before = await tlsOf(federation.kits, 'mia@example.org');
  await revokeParticipant('mia@example.org', { workspace: federation.kits.root, now: new Date() });
  return before;
}

const CLOCKS = /date -u/;
const AUTHORITY = /fingerprints of the authority/;
/** What is shown to the other end; the words that follow; what to do next. */
const AT_BOTH: readonly [string, (who: Participant) => Promise<Shown>, string, RegExp][] = [
  [
    'issued for a later time',
    (who) => issued(who, { inDays: 10 }),
    'is not good yet: one of the clocks',
    CLOCKS,
  ],
  ['that has ended', (who) => issued(who, { inDays: -10, days: 1 }), 'has expired', /--renew NAME.*date -u/],
  ['of another project', (who) => issued(who, { by: foreign }), 'is of another project', AUTHORITY],
  ['signed by itself', () => selfSigned('brain'), 'is of another project', AUTHORITY],
];

describe('a certificate that is shown to the server', () => {
  const refusal = async (shown: Partial<Shown>) => {
    const { ca } = await tlsOf(federation.kits, 'site-1');
    const answer = await ask(federation.kits, '/healthz', { ca, ...shown });
    const { code, message, hint } = JSON.parse(answer.body) as Record<string, string>;
    return { status: answer.status, code, message, hint };
  };
  const refused = (words: string, next: RegExp) => ({
    status: 403,
    code: 'NF_CERT_REFUSED',
    message: expect.stringContaining(`is not accepted: it ${words}`),
    hint: expect.stringMatching(next),
  });

  it.each(AT_BOTH)('%s is refused with the reason and what to do', async (_what, make, words, next) => {
    expect(await refusal(await make(SITE))).toEqual(refused(words, next));
  });

  it.each<[string, () => Promise<Shown>, string, RegExp]>([
    [
      'of the server',
      () => issued(HUB),
      'is for the other end of the line',
      /kit that was made for this end/,
    ],
    ['issued by a site', () => bySite(SITE), 'breaks a rule of certificates', AUTHORITY],
    ['that was revoked', revoked, 'was revoked', /coordinator.*cert request/],
  ])('%s is refused with the reason and what to do', async (_what, make, words, next) => {
    const shown = await make();
    await until(async () => (await refusal(shown)).code !== undefined);
    const found = await refusal(shown);
    expect(found).toEqual(refused(words, next));
    expect(found.message).not.toContain('OpenSSL');
  });

  it('and is none is refused, and it is said what to use', async () => {
    expect(await refusal({})).toMatchObject({
      code: 'NF_CERT_REFUSED',
      message: expect.stringContaining('none was shown'),
      hint: expect.stringContaining('startup kit'),
    });
  });

  it('cannot be judged by a list of revoked ones from a later time: a clock is wrong', async () => {
    const path = join(federation.kits.kit('hub'), 'local/crl.pem');
    const before = await readFile(path, 'utf8');
    await writeFile(path, await issueRevocations(authority, [], new Date(Date.now() + 10 * DAY_MS)));
    const own = await tlsOf(federation.kits, 'site-1');
    await until(async () => (await refusal(own)).status === 403);
    expect(await refusal(own)).toEqual(
      refused('cannot be judged: the list of revoked certificates is not good yet', CLOCKS),
    );
    await writeFile(path, before);
    await until(async () => (await refusal(own)).status === 200);
  });
});

describe('a certificate that a server shows', () => {
  const fault = async ({ cert, key }: Shown) => {
    const { endpoint, tls } = await openKit(federation.kits.kit('site-1'), 'client');
    const server = await serveTls({ ...tls, cert, key }, (_request, response) => response.end('{}'));
    const { port } = server;
    const connection = new Connection({ ...endpoint.server, port, tls, connectSeconds: LIMITS.moment });
    const question = { method: 'GET', path: '/healthz', answer: z.unknown() } as const;
    try {
      return await connection.send(question).then(
        () => undefined,
        (error: unknown) => error,
      );
    } finally {
      await connection.close();
      await server.close();
      expect(server.asked).toEqual([]);
    }
  };
  const untrusted = (words: string, next: RegExp) => ({
    code: 'NF_SERVER_UNTRUSTED',
    exitCode: 2,
    message: expect.stringContaining(`its certificate ${words}`),
    hint: expect.stringMatching(next),
  });

  it.each(AT_BOTH)(
    '%s ends the connection with the reason and what to do',
    async (_what, make, words, next) => {
      expect(await fault(await make(HUB))).toMatchObject(untrusted(words, next));
    },
  );

  it.each<[string, () => Promise<Shown>, string, RegExp]>([
    [
      'for other names',
      () => issued({ ...HUB, default_host: 'elsewhere.example.org', host_names: [] } as Participant),
      'is for other names',
      /host_names/,
    ],
    ['of a site', () => issued(SITE), 'is for the other end of the line', /kit that was made for this end/],
    ['issued by a site', () => bySite(HUB), 'breaks a rule of certificates', AUTHORITY],
  ])('%s ends the connection with the reason and what to do', async (_what, make, words, next) => {
    expect(await fault(await make())).toMatchObject(untrusted(words, next));
  });
});
