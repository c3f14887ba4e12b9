import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sha256File } from '../../../base/digest.ts';
import { flError, type NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { lockFolder } from '../../../base/files/lock.ts';
import type { JobDefinition } from '../../../job/definition.ts';
import { spendsOfJob } from '../../../job/privacy-spends.ts';
import { epsilonBy } from '../../../privacy/calibrate.ts';
import { NUMERIC_DELTA } from '../../../privacy/secret-random.ts';
import type { LogKey } from '../../../security/logs/chained-log.ts';
import type { SitePolicy } from '../../../security/policy/site-policy.ts';
import type { ClientFolder } from '../memory/client-folder.ts';
import { JobBudget } from './job-budget.ts';
import { type LedgerPlace, PrivacyLedger } from './privacy-ledger.ts';

/** The ledger of a kit. */
const LEDGER = 'local/privacy.jsonl';

export function ledgerPlace(kit: string, folder: ClientFolder, site: string): LedgerPlace {
  return { site, ledger: join(kit, LEDGER), end: folder.privacyEnd };
}

interface Offer {
  readonly id: string;
  readonly job: JobDefinition;
}

/** What private jobs may do at a site, and what they have cost. */
export class SitePrivacy {
  readonly #ledger: PrivacyLedger | NeuroflareError;
  readonly #site: string;
  readonly #participants: string | undefined;
  readonly #unlock: () => Promise<void>;

  private constructor(
    { site }: LedgerPlace,
    ledger: PrivacyLedger | NeuroflareError,
    rest: { readonly participants: string | undefined; readonly unlock: () => Promise<void> },
  ) {
    this.#site = site;
    this.#ledger = ledger;
    this.#participants = rest.participants;
    this.#unlock = rest.unlock;
  }

  /** With a ledger that cannot be used it opens all the same, and refuses private jobs. @param data folder of the site */
  static async open(place: LedgerPlace, key: LogKey, data: string | undefined): Promise<SitePrivacy> {
    const participants = data === undefined ? undefined : join(data, 'participants.tsv');
    let unlock = async (): Promise<void> => undefined;
    try {
      unlock = await lockFolder(`${place.ledger}.lock`, `The privacy ledger ${place.ledger}`);
      const ledger = await PrivacyLedger.open(place, key);
      return new SitePrivacy(place, ledger, { participants, unlock });
    } catch (thrown) {
      return new SitePrivacy(place, toNeuroflareError(thrown), { participants, unlock });
    }
  }

  /** Why no private job runs here. */
  get fault(): NeuroflareError | undefined {
    return this.#ledger instanceof PrivacyLedger ? undefined : this.#ledger;
  }

  /**
   * Whether a job may run here, by what the site asks of jobs and by what is left for it. A job that has begun goes on until a task is too much.
   * @throws NF_PRIVACY_REQUIRED, NF_PRIVACY_BUDGET, NF_PRIVACY_LOWERED, NF_PRIVACY_LEDGER_*
   */
  requireAllowed({ id, job }: Offer, { privacy: rules }: Pick<SitePolicy, 'privacy'>): void {
    const site = this.#site;
    const { privacy } = job;
    const refuse = (reason: string) =>
      flError('NF_PRIVACY_REQUIRED', { site, job: job.name, reason }, { place: { site } });
    if (!privacy && rules.require) throw refuse('it has no key privacy');
    if (!privacy) return;
    if (rules.require && privacy.metrics === 'outside')
      throw refuse('its figures are outside its promise (privacy.metrics: outside)');
    if (!(this.#ledger instanceof PrivacyLedger)) throw this.#ledger;
    requireJobWithin(job, { site, most: rules.per_job_epsilon });
    const { spending } = this.#ledger;
    const hasBegun = spending.reservations.some((one) => one.job === id && one.state !== 'void');
    const order = { job: id, name: job.name, task: '', people: 'of the job', spends: spendsOfJob(job) };
    if (!spending.fits(rules, hasBegun ? [] : [order]))
      throw this.#ledger.refusal(order, rules, 'all rounds');
  }

  /** What a job that the site has taken may spend; undefined where it promises nothing. */
  async budgetOf(
    { id, job }: Offer,
    policy: () => Promise<Pick<SitePolicy, 'privacy'>>,
  ): Promise<JobBudget | undefined> {
    if (!job.privacy) return undefined;
    if (!(this.#ledger instanceof PrivacyLedger)) throw this.#ledger;
    const table = this.#participants;
    // Without a table nobody knows whether two jobs are on the same people in the same parts: all is added.
    const people = table !== undefined && existsSync(table) ? await sha256File(table) : `of the job ${id}`;
    const budget = async () => (await policy()).privacy;
    const [ledger, site] = [this.#ledger, this.#site];
    return new JobBudget({ ledger, site, job: id, definition: job, people, budget });
  }

  /** Gives back what was set apart for tasks that left no answer. @param hasAnswer whether one of a job waits to be sent */
  async releaseUnanswered(hasAnswer: (job: string) => boolean): Promise<void> {
    if (this.#ledger instanceof PrivacyLedger)
      await this.#ledger.release(({ job }) => !hasAnswer(job), 'the client ended before an answer was there');
  }

  async close(): Promise<void> {
    if (this.#ledger instanceof PrivacyLedger) await this.#ledger.close();
    await this.#unlock();
  }
}

/** @throws NF_PRIVACY_BUDGET of a job that promises less than the site asks of one */
function requireJobWithin(
  job: JobDefinition,
  { site, most }: { site: string; most: number | undefined },
): void {
  const { privacy } = job;
  const [spend] = spendsOfJob(job);
  if (most === undefined || !privacy || !spend) return;
  const epsilon = epsilonBy('pld', spend, privacy.delta - NUMERIC_DELTA);
  if (epsilon <= most) return;
  const params = { site, job: job.name, what: 'the promise', spent: '0', after: epsilon.toFixed(2), most };
  throw flError('NF_PRIVACY_BUDGET', { ...params, delta: privacy.delta }, { place: { site } });
}
