import { randomUUID } from 'node:crypto';
import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson, sha256 } from '../../../src/runtime/base/digest.ts';
import { deriveSeed } from '../../../src/runtime/base/random.ts';
import { termsOf } from '../../../src/runtime/federation/job-terms.ts';
import { modelForm } from '../../../src/runtime/federation/model-form.ts';
import { readBundle } from '../../../src/runtime/job/bundle.ts';
import { LOCAL_FILES } from '../../../src/runtime/job/job-paths.ts';
import { loadJob } from '../../../src/runtime/job/load.ts';
import type { AssignedTask } from '../../../src/runtime/network/messages/site.ts';
import type { JobTerms } from '../../../src/runtime/network/messages/terms.ts';
import { packBundle } from '../../../src/runtime/network/packed-bundle.ts';
import { signJob } from '../../../src/runtime/security/job-signature.ts';
import { type OpenKit, openKit } from '../../../src/runtime/security/kit/open.ts';
import { renewList, revokeParticipant } from '../../../src/runtime/security/provision.ts';
import { signText } from '../../../src/runtime/security/signature.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, type LiveKits, makeLiveKits, until } from '../../support/live-federation.ts';
import { type Offer, OwnServer } from '../../support/own-server.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** A server that was taken over, with its real kit, before a site that is as it should be. */
const root = tempFolder();
const ROUNDS = 3;
const FIRST = { weights: float32([1, 2, 3, 4]) };
let kits: LiveKits;
let lead: OpenKit<'admin'>;
let server: OwnServer;
let site: LiveFederation;
let jobFolder: string;

beforeAll(async () => {
  kits = await makeLiveKits(join(root, 'kits'), { clients: 1 });
  lead = await openKit(kits.kit('lea@example.org'), 'admin');
  jobFolder = await writeJob(join(root, 'job'), {
    patch: { workflow: { n_clients: 1, num_rounds: ROUNDS } },
  });
  site = new LiveFederation(kits);
});
beforeEach(async () => {
  server = await OwnServer.start(kits);
  await site.startClient('site-1');
});
afterEach(async () => {
  await site.stop('site-1');
  await server.close();
});
afterAll(() => site.close());

/** The job, well signed by its lead. */
async function signed(over: Partial<JobTerms> = {}): Promise<Offer> {
  const bundle = await readBundle(jobFolder);
  const job = (await loadJob(jobFolder)).definition;
  const id = randomUUID();
  const wanted = {
    project: 'brain',
    jobId: id,
    study: 'default',
    clients: ['site-1'],
    validDays: 1,
    now: new Date(),
  };
  const terms = {
    ...termsOf({ job, bundle, model: await modelForm(job, { rules: LOCAL_FILES }) }, wanted),
    ...over,
  };
  const packed = Buffer.from(JSON.stringify(packBundle(bundle)));
  const blob = { sha256: sha256(packed), size: packed.length };
  return { id, packed, signed: { terms, signature: signJob(terms, lead), bundle: blob } };
}

interface Wish extends Partial<AssignedTask> {
  readonly name?: string;
  readonly site?: string;
  readonly model?: { sha256: string; size: number };
}
const task = (round: number, { name, site: of = 'site-1', model, ...over }: Wish = {}): AssignedTask => ({
  id: `${name ?? (round > ROUNDS ? 'evaluate' : 'train')}/${round}/${of}`,
  total_rounds: ROUNDS,
  seed: deriveSeed(7, 'tiny', 'site-1', round),
  inputs: { model: model ?? server.model(round === 1 ? FIRST : { weights: float32([round, 2, 3, 4]) }) },
  ...over,
});

async function accepted(): Promise<string> {
  const offer = await signed();
  server.offer(offer);
  expect(await server.decisionOn(offer.id)).toEqual({ job: offer.id, answer: 'accepted' });
  return offer.id;
}

/** The same job, signed once more as resumed so often. */
function resumed(offer: Offer, resume: number): Offer {
  const terms = { ...(offer.signed.terms as JobTerms), resume };
  return { ...offer, signed: { ...offer.signed, terms, signature: signJob(terms, lead) } };
}

describe('a server that answers without end', () => {
  it('is not asked as fast as it answers where that is nothing new', async () => {
    await until(() => server.polls > 1);
    server.isHasty = true;
    const [before, began] = [server.polls, performance.now()];
    await until(() => server.polls >= before + 4);
    // However slow the machine is: of four answers three bring nothing new and are followed by a second of rest.
    expect((performance.now() - began) / 1000).toBeGreaterThan(2);
  });

  it('is asked for few lists of the revoked, however often it names another one', async () => {
    const [polls, lists] = [server.polls, server.lists];
    Object.assign(server, { isHasty: true, inventsLists: true });
    await until(() => server.polls >= polls + 60);
    server.inventsLists = false;
    expect(server.lists - lists).toBeGreaterThan(0);
    expect(server.lists - lists).toBeLessThan(30);
  });

  it('is asked on for jobs where its list of the revoked is no answer', async () => {
    const lists = server.lists;
    server.garblesLists = true;
    await until(() => server.lists > lists);
    const { polls } = server;
    await until(() => server.polls >= polls + 5);
    server.garblesLists = false;
  });

  it('fills no audit log of a site with jobs that nobody has signed', async () => {
    const log = join(kits.kit('site-1'), 'work/audit.jsonl');
    const offer = await signed();
    const forged = Array.from({ length: 25 }, () => ({ ...offer, id: randomUUID() }));
    for (const one of forged) server.offer(one);
    server.want(forged.map(({ id }) => ({ job_id: id, log_level: 'info' as const })));
    await until(() => forged.every(({ id }) => server.decisions.some(({ job }) => job === id)));
    const ids = new Set<string>(forged.map(({ id }) => id));
    const lines = (await readFile(log, 'utf8')).trim().split('\n');
    const named = lines.filter((line) => ids.has((JSON.parse(line) as { job?: string }).job ?? ''));
    expect(named.map((line) => JSON.parse(line))).toMatchObject([
      { action: 'job.refused', outcome: 'refused', detail: 'NF_JOB_SIGNATURE' },
    ]);
  });
});

describe('a job that was resumed', () => {
  /** What the site says to an offer now. */
  const answerTo = async (offer: Offer) => {
    const before = server.decisions.length;
    server.offer(offer);
    await expect.poll(() => server.decisions.length, { timeout: 30_000 }).toBeGreaterThan(before);
    const { answer, reason } = server.decisions.at(-1) ?? {};
    return reason?.code ?? answer;
  };

  it('goes on where it was for a signature that says so, and for no older one', async () => {
    const first = await signed();
    const [second, third] = [resumed(first, 1), resumed(first, 2)];
    expect(await answerTo(first)).toBe('accepted');
    for (const round of [1, 2]) expect(await server.ask(first.id, task(round))).toBe('result');
    server.want([]);
    await server.seen();
    expect(await answerTo(third)).toBe('accepted');
    expect(await server.ask(first.id, task(1))).toBe('NF_TASK_NOT_SIGNED');
    expect(await server.ask(first.id, task(2))).toBe('result');
    for (const old of [first, second]) expect(await answerTo(old)).toBe('NF_JOB_OVER_HERE');
    expect(await answerTo(third)).toBe('NF_JOB_OVER_HERE');
    expect(await answerTo(resumed(first, 3))).toBe('accepted');
  });

  it('begins anew at a site that never saw it end', async () => {
    const first = await signed();
    expect(await answerTo(first)).toBe('accepted');
    expect(await server.ask(first.id, task(1))).toBe('result');
    expect(await answerTo(resumed(first, 1))).toBe('accepted');
    expect(await server.ask(first.id, task(2))).toBe('result');
  });

  it('is not one for the word of the server alone', async () => {
    const first = await signed();
    expect(await answerTo(first)).toBe('accepted');
    server.want([]);
    await server.seen();
    const before = server.decisions.length;
    server.want([{ job_id: first.id, log_level: 'info', resume: 1 }]);
    await expect.poll(() => server.decisions.length, { timeout: 30_000 }).toBeGreaterThan(before);
    expect(server.decisions.at(-1)).toMatchObject({ reason: { code: 'NF_JOB_OVER_HERE' } });
  });
});

describe('code that is changed at a site while its job runs', () => {
  it('does not run', async () => {
    const id = await accepted();
    expect(await server.ask(id, task(1))).toBe('result');
    await appendFile(join(kits.kit('site-1'), 'work/jobs', id, 'bundle/client/train.ts'), '// more\n');
    expect(await server.ask(id, task(2))).toBe('NF_JOB_FILES_CHANGED');
  });
});

describe('a server that was taken over', () => {
  it('gets what was signed: each round once, and the last score', async () => {
    const id = await accepted();
    for (let round = 1; round <= ROUNDS + 1; round++)
      expect(await server.ask(id, task(round))).toBe('result');
    for (const round of [1, ROUNDS, ROUNDS + 2, 30])
      expect(await server.ask(id, task(round, { name: 'train' }))).toBe('NF_TASK_NOT_SIGNED');
    const results = server.results.length;
    server.want([]);
    await server.seen();
    const before = server.decisions.length;
    server.want([{ job_id: id, log_level: 'info', task: task(1) }]);
    await expect.poll(() => server.decisions.length, { timeout: 30_000 }).toBeGreaterThan(before);
    expect(server.decisions.at(-1)).toMatchObject({
      answer: 'refused',
      reason: { code: 'NF_JOB_OVER_HERE' },
    });
    expect(server.results).toHaveLength(results);
  });

  it('cannot have a job that is over begin again, not even before another start of the client', async () => {
    const id = await accepted();
    expect(await server.ask(id, task(1))).toBe('result');
    expect(await server.ask(id, task(2))).toBe('result');
    await site.stop('site-1');
    await site.startClient('site-1');
    expect(await server.ask(id, task(1))).toBe('NF_TASK_NOT_SIGNED');
    expect(await server.ask(id, task(2))).toBe('result');
    server.want([]);
    await expect
      .poll(() => readdir(join(kits.kit('site-1'), 'work/jobs', id)), { timeout: 30_000 })
      .toEqual(['log.jsonl']);
    await site.stop('site-1');
    const before = server.decisions.length;
    server.want([{ job_id: id, log_level: 'info', task: task(3) }]);
    await site.startClient('site-1');
    await expect.poll(() => server.decisions.length, { timeout: 30_000 }).toBeGreaterThan(before);
    expect(server.decisions.at(-1)).toMatchObject({
      answer: 'refused',
      reason: { code: 'NF_JOB_OVER_HERE' },
    });
  });

  it('gets no task that is another than the signed ones', async () => {
    const id = await accepted();
    const million = { weights: float32(new Array(1_000_000).fill(0)) };
    const refused: Record<string, AssignedTask> = {
      'another first model': task(1, { model: server.model({ weights: float32([9, 9, 9, 9]) }) }),
      'more rounds in all': task(1, { total_rounds: 30 }),
      'another seed': task(1, { seed: 1 }),
      'an evaluation in place of a round': task(1, { name: 'evaluate' }),
      'a task that its workflow does not have': task(1, { name: 'submit_data' }),
      'a task of another site': task(1, { site: 'site-2' }),
      'no model': task(1, { inputs: {} }),
      'one more file': task(1, { inputs: { ...task(1).inputs, extra: server.model(FIRST) } }),
      'a larger model': task(2, { model: server.model(million) }),
      'a model of 300 MB': task(2, { model: { sha256: sha256('x'), size: 300_000_000 } }),
    };
    for (const [what, one] of Object.entries(refused))
      expect(await server.ask(id, one), what).toBe('NF_TASK_NOT_SIGNED');
    const fetched = server.fetched;
    expect(await server.ask(id, task(1))).toBe('result');
    const renamed = task(2, { model: server.model({ others: float32([1, 2, 3, 4]) }) });
    expect(await server.ask(id, renamed)).toBe('NF_JOB_TERMS');
    const reshaped = task(2, { model: server.model({ weights: float32([1, 2, 3, 4], [2, 2]) }) });
    expect(await server.ask(id, reshaped)).toBe('NF_JOB_TERMS');
    expect(await server.ask(id, task(2))).toBe('result');
    expect(server.fetched - fetched).toBeLessThan(2000);
    expect(await server.ask(id, task(2, { model: server.model({ weights: float32([5, 5, 5, 5]) }) }))).toBe(
      'NF_TASK_NOT_SIGNED',
    );
  });

  it.each<[string, Partial<JobTerms>]>([
    ['study', { study: 'another' }],
    ['name', { name: '\u001b[31mtiny' }],
    ['time', { submitted: '2020-01-01T00:00:00.000Z' }],
    ['end', { expires: '2099-01-01T00:00:00.000Z' }],
    ['rounds', { num_rounds: 30 }],
    ['sites', { clients: null }],
  ])('cannot give a job another %s than was signed, and nothing of it is fetched', async (_what, over) => {
    const offer = await signed();
    const terms = { ...offer.signed.terms, ...over } as JobTerms;
    server.offer({ ...offer, signed: { ...offer.signed, terms } });
    expect(await server.decisionOn(offer.id)).toMatchObject({
      answer: 'refused',
      reason: { code: 'NF_JOB_SIGNATURE' },
    });
    expect(server.fetched).toBe(0);
  });

  it('cannot send other code, or files without end', async () => {
    const offer = await signed();
    const other = Buffer.from(JSON.stringify({ files: [{ path: 'job.yaml', content: 'eA==' }] }));
    const blob = { sha256: sha256(other), size: other.length };
    server.offer({ ...offer, packed: other, signed: { ...offer.signed, bundle: blob } });
    expect(await server.decisionOn(offer.id)).toMatchObject({ reason: { code: 'NF_JOB_SIGNATURE' } });
    const large = await signed();
    const fetched = server.fetched;
    const much = { sha256: sha256('x'), size: 382_000_000 };
    server.offer({ ...large, signed: { ...large.signed, bundle: much } });
    expect(await server.decisionOn(large.id)).toMatchObject({
      answer: 'refused',
      reason: { code: 'NF_JOB_BUNDLE' },
    });
    expect(server.fetched).toBe(fetched);
  });

  it('cannot go back to what version 0.1.0 signed', async () => {
    const { id, signed: now, packed } = await signed();
    const { project, job_id, bundle_sha256 } = now.terms;
    const terms = { version: 1, project, job_id, bundle_sha256 } as const;
    const signature = signText(canonicalJson({ project, job_id, bundle_sha256 }), lead);
    server.offer({ id, packed, signed: { ...now, terms, signature } });
    expect(await server.decisionOn(id)).toMatchObject({
      answer: 'refused',
      reason: { code: 'NF_JOB_SIGNATURE_OLD' },
    });
  });

  it('has no job begun by a list of the revoked that is older than the site wants, or by none', async () => {
    const policy = 'local/site-policy.yml';
    const [none, most] = ['# max_revocations_days: 14', 'max_revocations_days: 14'];
    await until(() => server.polls > 0);
    await kits.changeFile('site-1', policy, { [none]: most });
    const offer = await signed();
    server.offer(offer);
    const last = () => server.decisions.at(-1);
    const waiting = { job: offer.id, answer: 'waiting for approval', reason: { code: 'NF_REVOKED_STALE' } };
    await expect.poll(last, { timeout: 30_000 }).toMatchObject(waiting);
    const { list } = await renewList({ workspace: kits.root, now: new Date() });
    server.tell(await readFile(list, 'utf8'));
    await expect.poll(last, { timeout: 30_000 }).toMatchObject({ job: offer.id, answer: 'accepted' });
    await kits.changeFile('site-1', policy, { [most]: none });
  });

  it('passes on who was revoked, and can neither forget nor invent one', async () => {
    const before = await accepted();
    const options = { workspace: kits.root, project: undefined, now: new Date(), days: 365, rootDays: 3650 };
    const older = await readFile((await revokeParticipant('leo@example.org', options)).list, 'utf8');
    const newer = await readFile((await revokeParticipant('lea@example.org', options)).list, 'utf8');
    server.tell(newer);
    await expect
      .poll(() => server.decisions.at(-1), { timeout: 30_000 })
      .toMatchObject({
        job: before,
        answer: 'refused',
        reason: { code: 'NF_JOB_SIGNATURE', message: expect.stringContaining('revoked') },
      });
    await site.stop('site-1');
    server.want([]);
    server.tell(older);
    await site.startClient('site-1');
    const offer = await signed();
    server.offer(offer);
    expect(await server.decisionOn(offer.id)).toMatchObject({
      answer: 'refused',
      reason: { message: expect.stringContaining('revoked') },
    });
  });
});
