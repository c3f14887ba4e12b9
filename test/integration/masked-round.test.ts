import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SecureAggregation } from '../../src/runtime/job/secure-aggregation.ts';
import { joinSession } from '../../src/runtime/masking/session/site-side.ts';
import type { RunEvent } from '../../src/runtime/run/events.ts';
import { signText } from '../../src/runtime/security/signature.ts';
import { dyingAfter } from '../support/fake-run.ts';
import type { LiveKits } from '../support/live-federation.ts';
import { type Bend, MaskedSites, maskedKits, type Turn } from '../support/masked-sites.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
let kits: LiveKits;
let count = 0;

beforeAll(async () => {
  kits = await maskedKits(join(root, 'kits'));
});

const ONE_ROUND = { workflow: { n_clients: 3, num_rounds: 1 } };
const FOUR = { workflow: { n_clients: 4, min_clients: 3, num_rounds: 1 } };

function sitesOf(patch: object = ONE_ROUND, sites = 3): MaskedSites {
  count += 1;
  return MaskedSites.in(join(root, String(count)), kits, { sites, patch });
}

const four = (patch: object = FOUR) => sitesOf(patch, 4);

/** The mean of the updates of these sites, as a round without masks makes it. */
function mean(sites: readonly number[]): number[] {
  const all = sites.reduce((sum, at) => sum + 10 * at, 0);
  return [0, 1, 2, 3, 4].map((index) =>
    sites.reduce((sum, at) => sum + ((10 * at) / all) * Math.sin(at + index), index + 1),
  );
}

function expectNear(weights: readonly number[], wanted: readonly number[]): void {
  for (const [at, value] of wanted.entries()) expect(Math.abs((weights[at] ?? 0) - value)).toBeLessThan(1e-6);
}

const failuresIn = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'site.failed' ? [event] : []));

describe('a masked round', () => {
  let whole: readonly number[];
  let events: readonly RunEvent[];

  beforeAll(async () => {
    const sites = sitesOf();
    whole = await sites.run();
    events = await sites.events();
    expect(existsSync(sites.folderOf('site-1').masked)).toBe(false);
  });

  it('comes to the mean of the updates', () => expectNear(whole, mean([1, 2, 3])));

  it('tells its phases in the log, and no update in it is one', () => {
    const names = events.flatMap((event) => (event.type === 'round.opened' ? [event.name] : []));
    expect(names).toEqual([
      'train',
      'secagg_keys',
      'secagg_shares',
      'secagg_masked',
      'secagg_agree',
      'secagg_open',
      'evaluate',
    ]);
    const trained = events.find((event) => event.type === 'result.accepted');
    expect(trained).toMatchObject({ task: expect.stringMatching(/^train/), result: { files: {} } });
  });

  it('goes on where it was after a kill of the server at each of its steps, to the same bytes', async () => {
    const steps = events.flatMap(({ type }, at) =>
      type === 'round.opened' || type === 'round.answered' || type === 'model.made' ? [at - 1] : [],
    );
    expect(steps.length).toBeGreaterThan(15);
    // Every other one: opened, answered and made, of one phase or the next.
    const chosen = steps.filter((_, at) => at % 2 === 0);
    for (const [turn, step] of chosen.entries()) {
      const sites = sitesOf();
      await expect(sites.run({ wrapJournal: dyingAfter(step, turn % 2 === 0) })).rejects.toThrow('killed');
      expect(await sites.run()).toEqual(whole);
    }
  });

  it('has the same bytes where each site is killed after each of its steps, and answers in the same words', async () => {
    for (const turn of ['is killed after it', 'answers twice'] as const) {
      const sites = sitesOf();
      expect(await sites.run({ turn: () => turn })).toEqual(whole);
      expect(failuresIn(await sites.events())).toEqual([]);
    }
  });

  it('leaves secrets to the user of the client alone, and only as long as they are needed', async () => {
    const sites = sitesOf();
    const modes: number[] = [];
    await sites.run({
      turn: ({ name, site }) => {
        const file = join(sites.folderOf(site).masked, 'session.json');
        if (name === 'secagg_open') modes.push(statSync(file).mode & 0o777);
        return 'answers';
      },
    });
    expect(modes).toEqual([0o600, 0o600, 0o600]);
    expect(existsSync(sites.folderOf('site-1').masked)).toBe(false);
  });
});

describe('a site that drops out', () => {
  const gone =
    (phase: string) =>
    ({ name, site }: { readonly name: string; readonly site: string }): Turn =>
      site === 'site-2' && name === phase ? 'fails' : 'answers';
  let whole: readonly number[];

  beforeAll(async () => {
    whole = await four().run();
    expectNear(whole, mean([1, 2, 3, 4]));
  });

  it.each(['train', 'secagg_keys', 'secagg_shares', 'secagg_masked'])(
    'in %s is not in the sum',
    async (phase) => {
      const sites = four();
      expectNear(await sites.run({ turn: gone(phase) }), mean([1, 3, 4]));
      expect(failuresIn(await sites.events()).map(({ task }) => task)).toEqual([`${phase}/1/site-2`]);
    },
  );

  it.each(['secagg_agree', 'secagg_open'])('in %s is in the sum', async (phase) => {
    expect(await four().run({ turn: gone(phase) })).toEqual(whole);
  });

  it.each(['secagg_masked', 'secagg_agree', 'secagg_open'])(
    'in %s, with another one, leaves the sum closed; a run that goes on opens it',
    async (phase) => {
      const sites = four();
      const two = ({ name, site }: { name: string; site: string }): Turn =>
        name === phase && site !== 'site-1' && site !== 'site-4' ? 'fails' : 'answers';
      await expect(sites.run({ turn: two })).rejects.toThrow('gone');
      const made = (await sites.events()).filter((event) => event.type === 'model.made' && !event.about);
      expect(made).toEqual([]);
      expect(await sites.run()).toEqual(whole);
    },
  );
});

type Json = Record<string, unknown>;
/** What a server does to one site in one phase. */
const at =
  (phase: string, change: (json: Json) => unknown, site = 'site-1'): Bend =>
  (given) =>
    given.name === phase && given.site === site ? change(structuredClone(given.json) as Json) : given.json;

describe('a server that is not honest', () => {
  type Attack = [
    what: string,
    code: string,
    message: RegExp,
    attack: (sites: MaskedSites) => Promise<Bend> | Bend,
    server?: Partial<SecureAggregation>,
  ];
  const attacks: readonly Attack[] = [
    [
      'puts a key of its own in the place of a site',
      'NF_SECAGG_PEER',
      /^site-2 cannot be in a sum with this site: the signature is of other content/,
      () =>
        at('secagg_shares', ({ members }: Json) => {
          const all = members as { member: { site: string; mask: string } }[];
          for (const { member } of all) if (member.site === 'site-2') member.mask = 'c'.repeat(64);
          return { members };
        }),
    ],
    [
      'puts a member that it has made up in the place of one',
      'NF_SECAGG_PEER',
      /^site-9 cannot be in a sum with this site: its certificate is of site-4/,
      async (sites) => {
        const kit = await sites.kit('site-4');
        const signer = {
          certificate: kit.tls.cert,
          sign: (text: string) => signText(text, kit).signature,
        };
        return at('secagg_shares', ({ members }: Json) => {
          const [{ about }] = members as [{ about: never }];
          const random = (bytes: number) => new Uint8Array(bytes).fill(7);
          const { message } = joinSession({ about, site: 'site-9', weight: 1 }, signer, random);
          return { members: [...(members as object[]).slice(0, 3), message] };
        });
      },
    ],
    [
      'adds a member',
      'NF_SECAGG_SESSION',
      /3 sites are to open a sum of 5, and 4 are the least by the job/,
      () =>
        at('secagg_shares', ({ members }: Json) => ({
          members: [...(members as object[]), (members as object[])[0]],
        })),
    ],
    [
      'names a member twice',
      'NF_SECAGG_PEER',
      /^site-2 cannot be in a sum with this site: it is in the session twice/,
      () =>
        at('secagg_shares', ({ members }: Json) => ({
          members: [...(members as object[]).slice(0, 3), (members as object[])[1]],
        })),
    ],
    [
      'brings the keys of another session',
      'NF_SECAGG_SESSION',
      /the keys of site-2 are of another session/,
      () =>
        at('secagg_shares', ({ members }: Json) => {
          for (const one of members as { about: { round: number }; member: { site: string } }[])
            if (one.member.site === 'site-2') one.about.round = 2;
          return { members };
        }),
    ],
    [
      'bends a share on its way',
      'NF_SECAGG_PEER',
      /^site-2 .* does not open/,
      () =>
        at('secagg_masked', ({ sent }: Json) => {
          const all = sent as Record<string, Record<string, string>>;
          const own = Buffer.from(all['site-2']?.['site-1'] ?? '', 'base64');
          return { sent: { ...all, 'site-2': { 'site-1': own.fill(7, 20, 24).toString('base64') } } };
        }),
    ],
    [
      'opens another set of updates than the site has agreed to',
      'NF_SECAGG_CONSISTENCY',
      /site-1, site-2, site-3 are to be in a sum, and before site-1, site-2, site-3, site-4 were/,
      () =>
        at('secagg_open', ({ survivors, agreements }: Json) => ({
          survivors: (survivors as string[]).slice(0, 3),
          agreements,
        })),
    ],
    [
      'says that sites have agreed which have not',
      'NF_SECAGG_CONSISTENCY',
      /2 sites have signed whose vectors are in the sum, and 3 must/,
      () =>
        at('secagg_open', ({ survivors, agreements }: Json) => ({
          survivors,
          agreements: (agreements as object[]).slice(0, 2),
        })),
    ],
    [
      'forges what a site has signed',
      'NF_SECAGG_CONSISTENCY',
      /what site-3 has signed is another set/,
      () =>
        at('secagg_open', ({ survivors, agreements }: Json) => {
          const [, first, second] = agreements as { signature: string }[];
          if (first && second) second.signature = first.signature;
          return { survivors, agreements };
        }),
    ],
    [
      'gives what is no message',
      'NF_SECAGG_SESSION',
      /what the server gives it \(secagg_members\) has another form/,
      () => at('secagg_shares', () => ({ members: 3 })),
    ],
    [
      'says that fewer sites open the sum than the job lets',
      'NF_SECAGG_SESSION',
      /2 sites are to open a sum of 4, and 3 are the least by the job/,
      () =>
        ({ json }) =>
          json,
      { threshold: 2, minSites: 3 },
    ],
  ];

  it.each(
    attacks.map(([what, code, message, attack, server = {}]) => ({ what, code, message, attack, server })),
  )('$what is refused by name: $code', async ({ code, message, attack, server }) => {
    const sites = four();
    const bend = await attack(sites);
    await sites.run({ bend, server }).catch(() => undefined);
    const [failure] = failuresIn(await sites.events());
    expect(failure).toMatchObject({
      error: { code, message: expect.stringMatching(message), hint: expect.stringMatching(/ask/i) },
    });
  });

  it('asks for both shares of a site gets one of them', async () => {
    const sites = four({ ...FOUR, secure_aggregation: { consistency: false } });
    let asked = 0;
    const bend = at('secagg_open', ({ survivors, agreements }: Json) => {
      asked += 1;
      const all = survivors as string[];
      return { survivors: asked === 1 ? all : all.slice(0, 3), agreements };
    });
    const turn = ({ name, site }: { name: string; site: string }): Turn =>
      name === 'secagg_open' && site === 'site-1' ? 'is killed after it' : 'answers';
    await sites.run({ bend, turn }).catch(() => undefined);
    expect(failuresIn(await sites.events())).toMatchObject([
      { task: 'secagg_open/1/site-1', error: { code: 'NF_SECAGG_CONSISTENCY' } },
    ]);
  });
});

describe('masks', () => {
  it.each([
    ['secagg_keys', /its update of the round is not here any more/],
    ['secagg_masked', /its 'model' is another than the one that the masks of this session are for/],
  ])('are put on one update alone: another one in %s is refused', async (phase, message) => {
    const sites = sitesOf();
    const turn = ({ name, site }: { name: string; site: string }): Turn => {
      const { masked } = sites.folderOf(site);
      if (name === phase && site === 'site-2' && phase === 'secagg_keys')
        writeFileSync(
          join(masked, 'update.json'),
          readFileSync(join(masked, 'update.json'), 'utf8').replace(
            /"model_sha256": "[0-9a-f]{64}"/,
            `"model_sha256": "${'0'.repeat(64)}"`,
          ),
        );
      if (name === phase && site === 'site-2' && phase === 'secagg_masked')
        writeFileSync(join(masked, 'update.model'), 'another one');
      return 'answers';
    };
    await expect(sites.run({ turn })).rejects.toThrow(message);
    expect(failuresIn(await sites.events())[0]?.error.message).toMatch(message);
  });
});
