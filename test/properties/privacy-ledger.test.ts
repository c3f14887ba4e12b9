import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/runtime/base/digest.ts';
import { isBudgetStop, JobBudget } from '../../src/runtime/deployment/client/budget/job-budget.ts';
import { PrivacyLedger, readLedger } from '../../src/runtime/deployment/client/budget/privacy-ledger.ts';
import type { JobDefinition } from '../../src/runtime/job/definition.ts';
import { loadJob } from '../../src/runtime/job/load.ts';
import type { Budget } from '../../src/runtime/privacy/filter.ts';
import { epsilonOfRdp, rdpCurve } from '../../src/runtime/privacy/rdp.ts';
import { openKit } from '../../src/runtime/security/kit/open.ts';
import { logKey } from '../../src/runtime/security/log-key.ts';
import type { LogKey } from '../../src/runtime/security/logs/chained-log.ts';
import { makeFederation } from '../support/federation-kits.ts';
import { writeJob } from '../support/job-folder.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
const RATE = 0.25;
const SIGMA = 1.5;
const STEPS = 4;
let key: LogKey;
let definition: JobDefinition;
let count = 0;

beforeAll(async () => {
  const { kit } = await makeFederation(join(root, 'kits'));
  key = logKey(await openKit(kit('site-1'), 'client'));
  const privacy = { noise: SIGMA, delta: 1e-3, sampling_rate: RATE, steps_per_round: STEPS };
  const folder = await writeJob(join(root, 'job'), {
    patch: { workflow: { num_rounds: 50 }, privacy: { ...privacy, metrics: 'outside' } },
  });
  ({ definition } = await loadJob(folder));
});

/** What one job at a site has on its disk: an answer that waits. */
interface Disk {
  outbox: Outbox | undefined;
  round: number;
}

interface Outbox {
  readonly reservation?: number;
  readonly answer: {
    readonly result: {
      readonly task: string;
      readonly files: { readonly model: { readonly sha256: string } };
    };
  };
}

/** Where a job of the process is: what a kill forgets. */
type At = 'idle' | 'reserved' | 'computed' | 'charged' | 'over';

/**
 * A site with two jobs on one ledger: each call is one arrow of a task's way (reserve, compute, charge, send, told), and between any two of them
 * the process may be killed. Answers are never the same, as those with noise are not.
 */
class FakeSite {
  readonly sent: { readonly job: string; readonly digest: string }[] = [];
  budget: Budget = { epsilon: 6, delta: 1e-3 };
  /** The most that was ever allowed while something was set apart. */
  most: Budget = { epsilon: 0, delta: 1e-3 };
  readonly ids: readonly string[] = [randomUUID(), randomUUID()];
  readonly disks: Disk[] = [
    { outbox: undefined, round: 1 },
    { outbox: undefined, round: 1 },
  ];
  readonly place = {
    site: 'site-1',
    ledger: join(root, `${count}.jsonl`),
    end: join(root, `${count++}.end`),
  };
  #at: At[] = ['idle', 'idle'];
  #reservation: (number | undefined)[] = [undefined, undefined];
  #ledger: PrivacyLedger | undefined;

  async start(): Promise<void> {
    this.#ledger = await PrivacyLedger.open(this.place, key);
    const waits = new Set(this.ids.filter((_, job) => this.disks[job]?.outbox));
    await this.#ledger.release(({ job }) => !waits.has(job), 'the client ended');
    this.#at = this.#at.map((at) => (at === 'over' ? at : 'idle'));
    this.#reservation = [undefined, undefined];
  }

  /** The next arrow of a job. */
  async go(job: number): Promise<void> {
    const disk = this.disks[job];
    const budget = this.#budgetOf(job);
    if (!disk || !budget || this.#at[job] === 'over') return;
    const task = `train/${disk.round}/site-1`;
    try {
      if (this.#at[job] === 'idle' && !disk.outbox) {
        this.#reservation[job] = await budget.reserve({ id: task });
        this.most = { ...this.most, epsilon: Math.max(this.most.epsilon, this.budget.epsilon) };
        this.#at[job] = 'reserved';
      } else if (this.#at[job] === 'reserved') {
        const reservation = this.#reservation[job] ?? 0;
        disk.outbox = { reservation, answer: answerTo(task) };
        this.#at[job] = 'computed';
      } else if (disk.outbox && this.#at[job] !== 'charged') {
        const keep = async (outbox: Outbox) => {
          disk.outbox = outbox;
        };
        disk.outbox = await budget.charge(disk.outbox, keep);
        this.#at[job] = 'charged';
      } else if (disk.outbox) this.#send(job, disk.outbox);
    } catch (thrown) {
      if (!isBudgetStop(thrown)) throw thrown;
      this.#at[job] = 'over';
      disk.outbox = undefined;
      await budget.release('the site has ended the job');
    }
  }

  /** The server has taken what was sent, and wants the next round. */
  told(job: number): void {
    const disk = this.disks[job];
    if (
      !disk?.outbox ||
      this.#at[job] !== 'charged' ||
      !this.sent.some(({ digest }) => digest === digestOf(disk.outbox))
    )
      return;
    disk.outbox = undefined;
    disk.round += 1;
    this.#at[job] = 'idle';
  }

  /** The server takes a task back, sent or not. */
  async takeBack(job: number): Promise<void> {
    const disk = this.disks[job];
    if (!disk || this.#at[job] === 'over') return;
    disk.outbox = undefined;
    this.#at[job] = 'idle';
    await this.#budgetOf(job)?.release('taken back');
  }

  /** kill -9, as the disk is then; `torn`: in the midst of a line, `headless`: between a line and its signed end. */
  async kill(how: 'plain' | 'torn' | 'headless'): Promise<void> {
    const { ledger } = this.place;
    const before = await Promise.all(
      [ledger, `${ledger}.head`].map((path) => readFile(path).catch(() => undefined)),
    );
    if (how === 'headless') await this.go(0);
    await this.#ledger?.close();
    if (how === 'torn' && existsSync(ledger)) await appendFile(ledger, '{"seq":99,"time":"2026-0');
    const lines = async () => (await readFile(ledger, 'utf8').catch(() => '')).split('\n').length;
    const linesBefore = String(before[0] ?? '').split('\n').length;
    if (how === 'headless' && before[1] && (await lines()) === linesBefore + 1) {
      await writeFile(`${ledger}.head`, before[1]);
      const head = JSON.parse(String(before[1]));
      const known = JSON.parse(await readFile(this.place.end, 'utf8'));
      await writeFile(this.place.end, JSON.stringify({ ...known, seq: head.seq, hash: head.hash }));
    }
    await this.start();
  }

  async close(): Promise<void> {
    await this.#ledger?.close();
  }

  #send(job: number, outbox: Outbox): void {
    this.sent.push({ job: this.ids[job] ?? '', digest: digestOf(outbox) });
  }

  #budgetOf(job: number): JobBudget | undefined {
    const deps = {
      site: 'site-1',
      job: this.ids[job] ?? '',
      definition,
      people: 'table',
      budget: async () => this.budget,
    };
    return this.#ledger && new JobBudget({ ...deps, ledger: this.#ledger });
  }
}

function answerTo(task: string): Outbox['answer'] {
  return { result: { task, files: { model: { sha256: sha256(randomUUID()) } } } };
}

function digestOf(outbox: Outbox | undefined): string {
  return outbox?.answer.result.files.model.sha256 ?? '';
}

const job = fc.nat(1);
const deed = fc.oneof(
  { weight: 12, arbitrary: fc.record({ what: fc.constant('go' as const), job }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('told' as const), job }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('both' as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('take back' as const), job }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('kill' as const),
      how: fc.constantFrom('plain' as const, 'torn' as const, 'headless' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('budget' as const), epsilon: fc.integer({ min: 2, max: 8 }) }),
  },
);

/** Epsilon of so many answers that left, by the accountant alone. */
function epsilonOfSent(answers: number, delta: number): number {
  if (answers === 0) return 0;
  return epsilonOfRdp(rdpCurve({ rate: RATE, sigma: SIGMA, steps: STEPS * answers }), delta).epsilon;
}

async function requireKept(site: FakeSite): Promise<void> {
  const { spending, fault } = await readLedger(site.place, key.isSigned);
  expect(fault).toBeUndefined();
  const charges = spending.reservations.filter(({ state }) => state === 'charged');
  for (const { digest, job: id } of site.sent) {
    const paid = charges.filter(({ files }) => files?.model === digest);
    expect(paid).toHaveLength(1);
    expect(paid[0]?.job).toBe(id);
  }
  const { epsilon, delta } = site.most;
  expect(spending.epsilon(delta)).toBeLessThanOrEqual(epsilon + 1e-9);
  const left = new Set(site.sent.map(({ digest }) => digest)).size;
  expect(spending.epsilon(delta)).toBeGreaterThanOrEqual(epsilonOfSent(left, delta) - 1e-9);
}

describe('the privacy ledger of a site', () => {
  it('has one charge for each digest that left, and is never over the limit, however two jobs are killed, repeated and taken back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 10, maxLength: 30 }), async (deeds) => {
        const site = new FakeSite();
        await site.start();
        for (const one of deeds) {
          if (one.what === 'go') await site.go(one.job);
          else if (one.what === 'both') await Promise.all([site.go(0), site.go(1)]);
          else if (one.what === 'told') site.told(one.job);
          else if (one.what === 'take back') await site.takeBack(one.job);
          else if (one.what === 'kill') await site.kill(one.how);
          else site.budget = { ...site.budget, epsilon: one.epsilon };
        }
        await requireKept(site);
        await site.close();
      }),
      { numRuns: 10 },
    );
  });

  it('ends two jobs at once where the budget is spent, with what each sent paid for once', async () => {
    const site = new FakeSite();
    site.budget = { epsilon: 3, delta: 1e-3 };
    await site.start();
    for (let turn = 0; turn < 60; turn++) {
      await Promise.all([site.go(0), site.go(1)]);
      site.told(0);
      site.told(1);
    }
    await requireKept(site);
    const left = site.sent.length;
    expect(left).toBeGreaterThan(2);
    // As many as the accountant bears, and no more.
    const delta = 1e-3 - 2e-8;
    expect(epsilonOfSent(left, delta)).toBeLessThanOrEqual(3);
    expect(epsilonOfSent(left + 1, delta)).toBeGreaterThan(3);
    await site.close();
  });
});
