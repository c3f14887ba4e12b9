import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyMasks } from '../../../src/runtime/masking/mask-stream.ts';
import { addWords } from '../../../src/runtime/masking/ring.ts';
import type {
  About,
  Agreement,
  SealedShares,
  SignedMember,
  Unmasking,
} from '../../../src/runtime/masking/session/messages.ts';
import {
  agreeOn,
  joinSession,
  maskVector,
  openSum,
  type Signer,
  type SiteState,
  shareOut,
  siteStateSchema,
  type Verify,
} from '../../../src/runtime/masking/session/site-side.ts';
import { unmaskingMasks } from '../../../src/runtime/masking/session/sum-side.ts';
import { usualThreshold } from '../../../src/runtime/masking/thresholds.ts';

const ABOUT: About = {
  project: 'brain',
  job_id: 'j-1',
  bundle_sha256: 'a'.repeat(64),
  round: 1,
  session: 1,
  model_sha256: 'b'.repeat(64),
  threshold: 3,
  min_sites: 3,
  consistency: true,
};

function signer(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return {
    certificate: String(publicKey.export({ type: 'spki', format: 'pem' })),
    sign: (text) => sign('sha256', Buffer.from(text), key).toString('base64'),
  };
}

/** Of site-1, site-2 and so on. */
const SIGNERS = Array.from({ length: 8 }, signer);
const signerOf = (site: string) => SIGNERS[Number(site.slice(5)) - 1] ?? signer();

/** A stand-in for the authority: it knows whose key is whose. */
const verifyKnown: Verify = ({ site, certificate, text, signature }) => {
  if (certificate !== signerOf(site).certificate) return 'its key is not the one that is known here';
  const isRight = verify(
    'sha256',
    Buffer.from(text),
    createPublicKey(certificate),
    Buffer.from(signature, 'base64'),
  );
  return isRight ? undefined : 'its signature is wrong';
};

/** What a site has on its disk comes back as JSON after a kill. */
const restarted = (state: SiteState): SiteState => siteStateSchema.parse(JSON.parse(JSON.stringify(state)));

const tools = { verify: verifyKnown, random: (bytes: number) => new Uint8Array(randomBytes(bytes)) };

/** The sites of a session, and what each has sent; the server in between is the test. */
class Session {
  readonly about: About;
  readonly states = new Map<string, SiteState>();
  readonly members: SignedMember[] = [];
  readonly shares = new Map<string, SealedShares>();
  readonly vectors = new Map<string, Int32Array>();
  readonly agreements: Agreement[] = [];
  readonly unmaskings: Unmasking[] = [];

  constructor(sites: number, about: Partial<About> = {}) {
    this.about = { ...ABOUT, threshold: usualThreshold(sites), ...about };
    for (let at = 1; at <= sites; at++) {
      const site = `site-${at}`;
      const joined = joinSession({ about: this.about, site, weight: at }, signerOf(site), tools.random);
      this.#keep(site, joined.state);
      this.members.push(joined.message);
    }
  }

  get sites(): string[] {
    return this.members.map(({ member }) => member.site);
  }

  state(site: string): SiteState {
    const state = this.states.get(site);
    if (!state) throw new Error(site);
    return restarted(state);
  }

  share(site: string, members: readonly SignedMember[] = this.members): SealedShares {
    const { state, message } = shareOut(this.state(site), members, tools);
    this.#keep(site, state);
    this.shares.set(site, message);
    return message;
  }

  inboxOf(site: string): SealedShares {
    return Object.fromEntries(
      [...this.shares].flatMap(([from, sent]) => (sent[site] ? [[from, sent[site]]] : [])),
    );
  }

  mask(
    site: string,
    vector: Int32Array,
    sharers = [...this.shares.keys()],
    inbox = this.inboxOf(site),
  ): Int32Array {
    const { state, masks } = maskVector(this.state(site), { sharers, inbox });
    this.#keep(site, state);
    const words = Int32Array.from(vector);
    applyMasks(words, 0, masks);
    this.vectors.set(site, words);
    return words;
  }

  agree(site: string, survivors = [...this.vectors.keys()]): Agreement {
    const { state, message } = agreeOn(this.state(site), survivors, signerOf(site));
    this.#keep(site, state);
    this.agreements.push(message);
    return message;
  }

  open(
    site: string,
    survivors = [...this.vectors.keys()],
    agreements: readonly Agreement[] = this.agreements,
  ): Unmasking {
    const { state, message } = openSum(this.state(site), { survivors, agreements }, verifyKnown);
    this.#keep(site, state);
    this.unmaskings.push(message);
    return message;
  }

  sum(unmaskings = this.unmaskings): Int32Array {
    const [first = new Int32Array()] = this.vectors.values();
    const sum = new Int32Array(first.length);
    for (const words of this.vectors.values()) addWords(sum, words);
    const masks = unmaskingMasks({
      about: this.about,
      members: this.members.map(({ member }) => member),
      sharers: [...this.shares.keys()],
      survivors: [...this.vectors.keys()],
      unmaskings,
    });
    applyMasks(sum, 0, masks);
    return sum;
  }

  #keep(site: string, state: SiteState): void {
    this.states.set(site, state);
  }
}

const vectorOf = (site: string, size = 5) =>
  Int32Array.from({ length: size }, (_, at) => 1000 * Number(site.slice(5)) + at);
const total = (sites: readonly string[], size = 5) =>
  Array.from({ length: size }, (_, at) => sites.reduce((sum, site) => sum + (vectorOf(site)[at] ?? 0), 0));

/** Up to a phase, with all sites. */
function until(phase: 'shares' | 'vectors' | 'agreements', sites = 4, about: Partial<About> = {}): Session {
  const session = new Session(sites, about);
  if (phase === 'shares') return session;
  for (const site of session.sites) session.share(site);
  if (phase === 'vectors') return session;
  for (const site of session.sites) session.mask(site, vectorOf(site));
  return session;
}

describe('a session', () => {
  it('comes to the sum of those whose vectors are there, whoever goes in which phase, killed after each step', () => {
    const drawn = fc.integer({ min: 3, max: 8 }).chain((sites) =>
      fc.record({
        sites: fc.constant(sites),
        // In which phase each site says its last word: 1 keys, 2 shares, 3 its vector, 4 its agreement, 5 all.
        last: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: sites, maxLength: sites }),
        consistency: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(drawn, ({ sites, last, consistency }) => {
        const session = new Session(sites, { consistency });
        const still = (phase: number) => session.sites.filter((_, at) => (last[at] ?? 0) >= phase);
        const { threshold } = session.about;
        fc.pre(still(3).length >= threshold);
        for (const site of still(2)) session.share(site);
        const sharers = still(2);
        for (const site of still(3)) session.mask(site, vectorOf(site), sharers);
        if (consistency) for (const site of still(4)) session.agree(site);
        const answering = still(5);
        if (consistency && still(4).length < threshold) {
          for (const site of answering)
            expect(() => session.open(site)).toThrowError(
              expect.objectContaining({ code: 'NF_SECAGG_CONSISTENCY' }),
            );
          return;
        }
        for (const site of answering) session.open(site);
        if (answering.length < threshold) {
          expect(() => session.sum()).toThrowError(expect.objectContaining({ code: 'NF_SECAGG_TOO_FEW' }));
          return;
        }
        expect([...session.sum()]).toEqual(total(still(3)));
      }),
      { numRuns: 25 },
    );
  });

  it('is answered with the same bytes when it is asked again', () => {
    const session = until('agreements');
    expect(session.share('site-2')).toEqual(session.shares.get('site-2'));
    const before = session.vectors.get('site-3');
    expect(session.mask('site-3', vectorOf('site-3'))).toEqual(before);
    expect(session.agree('site-1')).toEqual(session.agree('site-1'));
    for (const site of ['site-2', 'site-3']) session.agree(site);
    expect(session.open('site-1')).toEqual(session.open('site-1'));
  });

  it('gives of no site both shares', () => {
    const session = until('vectors', 5);
    const there = session.sites.slice(0, 4);
    for (const site of there) session.mask(site, vectorOf(site));
    for (const site of there) session.agree(site);
    for (const { seeds, masks } of there.map((site) => session.open(site))) {
      expect(Object.keys(seeds)).toEqual(there);
      expect(Object.keys(masks)).toEqual(['site-5']);
    }
  });

  it('does without the wrong shares of a site, and says so where too few are left', () => {
    const session = until('agreements', 5);
    for (const site of session.sites) session.agree(site);
    const answers = session.sites.map((site) => session.open(site));
    const bend = ({ seeds, ...others }: Unmasking): Unmasking => ({
      ...others,
      seeds: Object.fromEntries(
        Object.entries(seeds).map(([site, { at }]) => [site, { at, bytes: '00'.repeat(32) }]),
      ),
    });
    const [first, ...rest] = answers;
    expect([...session.sum(first ? [bend(first), ...rest] : [])]).toEqual(total(session.sites));
    expect(() => session.sum(answers.map((answer, at) => (at < 2 ? bend(answer) : answer)))).toThrowError(
      expect.objectContaining({ code: 'NF_SECAGG_TOO_FEW' }),
    );
  });
});

/** What a server might try, and how a site says no. */
const ATTACKS: readonly (readonly [string, string, () => unknown])[] = [
  [
    'puts a key of its own in the place of a site',
    'NF_SECAGG_PEER',
    () => {
      const session = until('shares');
      const members = session.members.map((one) =>
        one.member.site === 'site-2' ? { ...one, member: { ...one.member, mask: 'c'.repeat(64) } } : one,
      );
      return session.share('site-1', members);
    },
  ],
  [
    'signs for a site with a key of its own',
    'NF_SECAGG_PEER',
    () => {
      const session = until('shares');
      const { message } = joinSession(
        { about: session.about, site: 'site-2', weight: 2 },
        signer(),
        tools.random,
      );
      return session.share(
        'site-1',
        session.members.map((one) => (one.member.site === 'site-2' ? message : one)),
      );
    },
  ],
  [
    'makes up a member',
    'NF_SECAGG_PEER',
    () => {
      const session = until('shares');
      const { message } = joinSession(
        { about: session.about, site: 'site-9', weight: 1 },
        signer(),
        tools.random,
      );
      return session.share('site-1', [...session.members, message]);
    },
  ],
  [
    'names a member twice',
    'NF_SECAGG_PEER',
    () => {
      const session = until('shares');
      return session.share('site-1', [...session.members, ...session.members.slice(1, 2)]);
    },
  ],
  [
    'takes the keys of another round',
    'NF_SECAGG_SESSION',
    () => {
      const [session, other] = [until('shares'), until('shares', 4, { round: 2 })];
      return session.share('site-1', [...session.members.slice(0, 1), ...other.members.slice(1)]);
    },
  ],
  [
    'takes the keys of an earlier session',
    'NF_SECAGG_SESSION',
    () => {
      const [session, other] = [until('shares'), until('shares', 4, { session: 2 })];
      return session.share('site-1', other.members);
    },
  ],
  [
    'has this site share with others than before',
    'NF_SECAGG_SESSION',
    () => {
      const session = until('vectors');
      return session.share('site-1', session.members.slice(0, 3));
    },
  ],
  [
    'lets too few take part',
    'NF_SECAGG_TOO_FEW',
    () => {
      const session = until('shares');
      return session.share('site-1', session.members.slice(0, 2));
    },
  ],
  [
    'bends a share on its way',
    'NF_SECAGG_PEER',
    () => {
      const session = until('vectors');
      const inbox = { ...session.inboxOf('site-1') };
      inbox['site-2'] = Buffer.from(inbox['site-2'] ?? '', 'base64')
        .fill(7, 20, 21)
        .toString('base64');
      return session.mask('site-1', vectorOf('site-1'), session.sites, inbox);
    },
  ],
  [
    'brings the shares of one site as those of another',
    'NF_SECAGG_PEER',
    () => {
      const session = until('vectors');
      const inbox = session.inboxOf('site-1');
      return session.mask('site-1', vectorOf('site-1'), session.sites, {
        ...inbox,
        'site-2': inbox['site-3'] ?? '',
      });
    },
  ],
  [
    'has a vector masked for two sets of sites',
    'NF_SECAGG_SESSION',
    () => {
      const session = until('agreements');
      return session.mask('site-1', vectorOf('site-1'), session.sites.slice(0, 3));
    },
  ],
  [
    'tells a site of two sets of vectors',
    'NF_SECAGG_CONSISTENCY',
    () => {
      const session = until('agreements');
      session.agree('site-1', session.sites.slice(0, 3));
      return session.agree('site-1');
    },
  ],
  [
    'tells two sites of two sets of vectors',
    'NF_SECAGG_CONSISTENCY',
    () => {
      const session = until('agreements');
      session.agree('site-1');
      session.agree('site-2', ['site-1', 'site-2', 'site-3']);
      session.agree('site-3', ['site-1', 'site-2', 'site-3']);
      return session.open('site-1');
    },
  ],
  [
    'says that a site agreed to what it did not',
    'NF_SECAGG_CONSISTENCY',
    () => {
      const session = until('agreements');
      session.agree('site-1');
      const other = session.agree('site-2', ['site-1', 'site-2', 'site-3']);
      const forged = [{ ...other, survivors: session.sites }];
      return session.open('site-1', session.sites, [...session.agreements.slice(0, 1), ...forged]);
    },
  ],
  [
    'counts one agreement several times',
    'NF_SECAGG_CONSISTENCY',
    () => {
      const session = until('agreements');
      const own = session.agree('site-1');
      return session.open('site-1', session.sites, [own, own, own]);
    },
  ],
  [
    'asks for the shares of a site that is in the sum as if it were gone',
    'NF_SECAGG_CONSISTENCY',
    () => {
      const session = until('agreements', 4, { consistency: false });
      session.open('site-1');
      return session.open('site-1', ['site-1', 'site-2', 'site-3']);
    },
  ],
  [
    'opens a sum without a site, and asks this site for another session of the round',
    'NF_SECAGG_SESSION',
    () => {
      const session = until('agreements', 4, { consistency: false });
      session.open('site-1');
      const about = { ...session.about, session: 2 };
      return joinSession(
        { about, site: 'site-1', weight: 1, before: session.state('site-1') },
        signerOf('site-1'),
        tools.random,
      );
    },
  ],
  [
    'opens a sum of too few',
    'NF_SECAGG_TOO_FEW',
    () => {
      const session = until('agreements');
      return session.open('site-1', ['site-1', 'site-2']);
    },
  ],
];

describe('a server that', () => {
  it.each(ATTACKS)('%s is refused: %s', (_, code, attack) => {
    expect(attack).toThrowError(expect.objectContaining({ code }));
  });
});
