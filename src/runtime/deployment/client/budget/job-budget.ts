import { partsOfTask } from '../../../algorithms/task.ts';
import type { ErrorCode } from '../../../base/errors/catalog.ts';
import { flError, NeuroflareError } from '../../../base/errors/errors.ts';
import { sum } from '../../../base/sum.ts';
import type { JobDefinition } from '../../../job/definition.ts';
import { spendsOfJob, spendsOfTask } from '../../../job/privacy-spends.ts';
import type { AssignedTask, TaskFailure } from '../../../network/messages/site.ts';
import type { Budget } from '../../../privacy/filter.ts';
import type { Reservation } from '../../../privacy/spending.ts';
import { leavingOf, type Order, type PrivacyLedger } from './privacy-ledger.ts';

/** An answer of a task that waits to be sent. */
interface Waiting {
  /** What was set apart for it. */
  readonly reservation?: number;
  /** Digests of files that leave later, with masks on them. */
  readonly held?: Readonly<Record<string, string>>;
  readonly answer:
    | {
        readonly result: {
          readonly task: string;
          readonly files: Readonly<Record<string, { readonly sha256: string }>>;
        };
      }
    | { readonly failure: TaskFailure };
}

export interface JobBudgetDeps {
  readonly ledger: PrivacyLedger;
  readonly site: string;
  /** Id of the job. */
  readonly job: string;
  readonly definition: JobDefinition;
  /** Of the table of people. */
  readonly people: string;
  /** What the site allows; read anew for each task. */
  readonly budget: () => Promise<Budget>;
}

/** What one private job may spend at this site, task by task. */
export class JobBudget {
  readonly #deps: JobBudgetDeps;

  constructor(deps: JobBudgetDeps) {
    this.#deps = deps;
  }

  /**
   * Sets apart what a task costs, before anything of it is computed. What stands open of the job is of attempts whose process is gone and that
   * left no answer.
   * @returns undefined for a task that costs nothing @throws NF_PRIVACY_BUDGET, NF_PRIVACY_LOWERED; NF_PRIVACY_ROUNDS where the server asks for
   * more answers than the job's own promise counts
   */
  async reserve({ id }: Pick<AssignedTask, 'id'>): Promise<number | undefined> {
    const { ledger, job, budget } = this.#deps;
    const order = this.#orderOf(id);
    if (order.spends.length === 0) return undefined;
    await ledger.release((one) => one.job === job, 'its process ended without an answer');
    this.#requireCounted(order);
    return ledger.reserve(order, await budget());
  }

  /**
   * Charges an answer, before any of it leaves: of one that was charged before nothing happens. Returns it with what it was charged to, which is
   * another reservation where that of an answer from before a restart was given back.
   * @throws NF_PRIVACY_UNCHARGED, NF_PRIVACY_BUDGET, NF_PRIVACY_LOWERED: then nothing of it may leave
   */
  async charge<Answer extends Waiting>(
    waiting: Answer,
    keep: (answer: Answer) => Promise<void>,
  ): Promise<Answer> {
    const { ledger } = this.#deps;
    const { answer, reservation: given, held } = waiting;
    const task = 'result' in answer ? answer.result.task : answer.failure.task;
    if (this.#orderOf(task).spends.length === 0) return waiting;
    const isHeld = given !== undefined && this.#isOf(given, task);
    const reservation = isHeld ? given : await this.reserve({ id: task });
    if (reservation === undefined) return waiting;
    const charged = { ...waiting, reservation };
    // It names what it is charged to before it is: after a kill the same one is found.
    if (!isHeld) await keep(charged);
    const files = 'result' in answer ? Object.entries(answer.result.files) : [];
    const digests = Object.fromEntries(files.map(([name, { sha256 }]) => [name, sha256]));
    await ledger.charge(reservation, leavingOf(answer, { ...digests, ...held }));
    return charged;
  }

  /**
   * That an update whose answer has left was charged with it: masks may be put on no other. A client that is killed before the charge has the
   * update all the same, and a server might ask for it then.
   * @param update digests of its files, by name @throws NF_PRIVACY_UNCHARGED
   */
  requireCharged(update: Readonly<Record<string, string>>): void {
    const { ledger, job } = this.#deps;
    const isIn = ({ files = {} }: Reservation) =>
      Object.entries(update).every(([name, digest]) => files[name] === digest);
    const own = ledger.spending.reservations.filter((one) => one.job === job && one.state === 'charged');
    if (own.some(isIn)) return;
    throw flError('NF_PRIVACY_UNCHARGED', { job, reason: 'its update was never charged' });
  }

  /** Of a task that this client could not do: what was set apart for it is spent, for it says how it went. */
  async chargeFailure(failure: TaskFailure): Promise<void> {
    const { ledger, job } = this.#deps;
    const open = ledger.spending.reservations.find((one) => one.job === job && one.state === 'open');
    if (open) await ledger.charge(open.number, leavingOf({ failure }, {}));
  }

  /** Nothing of the job that has not left will. */
  async release(reason: string): Promise<void> {
    const { ledger, job } = this.#deps;
    await ledger.release((one) => one.job === job, reason);
  }

  /** The noise of a job was worked out for its rounds, whatever the site's budget bears. */
  #requireCounted({ spends }: Order): void {
    const { ledger, site, job, definition } = this.#deps;
    const own = ledger.spending.reservations.filter((one) => one.job === job && one.state !== 'void');
    const spent = stepsIn(own.flatMap((one) => one.spends));
    if (spent + stepsIn(spends) <= stepsIn(spendsOfJob(definition))) return;
    const params = { site, job: definition.name, steps: spent };
    throw flError('NF_PRIVACY_ROUNDS', params, { place: { site } });
  }

  /** Whether something is set apart, or was charged, for this very task. */
  #isOf(number: number, task: string): boolean {
    const known = this.#deps.ledger.spending.reservation(number);
    return known?.job === this.#deps.job && known.task === task && known.state !== 'void';
  }

  #orderOf(task: string): Order {
    const { job, definition, people } = this.#deps;
    const spends = spendsOfTask(definition, partsOfTask(task));
    return { job, name: definition.name, task, people, spends };
  }
}

function stepsIn(spends: Order['spends']): number {
  return sum(spends.map(({ steps }) => steps));
}

const STOPS: ReadonlySet<string> = new Set<ErrorCode>([
  'NF_PRIVACY_BUDGET',
  'NF_PRIVACY_LOWERED',
  'NF_PRIVACY_ROUNDS',
  'NF_PRIVACY_UNCHARGED',
]);

/** Whether a job ends at a site for the sake of its budget: a decision of the site, and no failure. */
export function isBudgetStop(thrown: unknown): thrown is NeuroflareError {
  return thrown instanceof NeuroflareError && STOPS.has(thrown.code);
}
