import { createHash, randomBytes } from 'node:crypto';
import { sha256 } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import { encodeSafetensors } from '../../base/tensors/safetensors.ts';
import { type SecretRandom, secretRandom } from '../../privacy/secret-random.ts';

/** What a private job's task trains by, as its script may see it. */
export interface PrivateTerms {
  /** Standard deviation over the most that one group adds. */
  readonly noise: number;
  readonly delta: number;
  readonly clip: number;
  readonly samplingRate: number;
  /** Of this task. */
  readonly steps: number;
  readonly rowsPerGroup: number;
}

/** The order to train privately. */
export interface PrivateOrder {
  readonly site: string;
  readonly terms: PrivateTerms;
  /** For tests alone: noise that anybody can work out again hides nobody. */
  readonly insecureSeed?: string | undefined;
}

interface Task {
  readonly site: string;
  readonly terms: PrivateTerms;
  readonly random: SecretRandom;
  stepsLeft: number;
  /** People that it trained on, once it has. */
  groups: number | undefined;
  /** Digests of the models that were made with noise. */
  readonly released: Set<string>;
}

let task: Task | undefined;

const KEY_BYTES = 32;

/** For the runner, when a task begins; undefined: its job promises nothing. The key of the noise is made here, and nowhere written. */
export function askForPrivacy(order: PrivateOrder | undefined): void {
  task = order && {
    site: order.site,
    terms: Object.freeze({ ...order.terms }),
    random: secretRandom(
      order.insecureSeed === undefined
        ? randomBytes(KEY_BYTES)
        : createHash('sha256').update(order.insecureSeed).digest(),
    ),
    stepsLeft: order.terms.steps,
    groups: undefined,
    released: new Set(),
  };
}

/** What the task at hand trains by; undefined where its job promises nothing. */
export function wantedPrivacy(): PrivateTerms | undefined {
  return task?.terms;
}

/**
 * Steps for a trainer: no more than were counted, however often a script trains.
 * @throws NF_PRIVACY_UNPROTECTED
 */
export function takeSteps(): {
  readonly site: string;
  readonly steps: number;
  readonly random: SecretRandom;
} {
  if (!task) throw unprotected('it trains outside a private job');
  const { site, stepsLeft: steps, random } = task;
  if (steps === 0) throw unprotected('it trains twice in one task, and the steps of one are counted');
  task.stepsLeft = 0;
  return { site, steps, random };
}

/** For the trainer: how many groups were there to be drawn. */
export function noteGroups(groups: number): void {
  if (task) task.groups = groups;
}

/** For the runner: what a private answer counts for; undefined in a task that does not train privately. */
export function trainedGroups(): number | undefined {
  return task?.groups;
}

/** Notes a model whose training was private from beginning to end. */
export function noteReleased(params: ParamSet): void {
  task?.released.add(sha256(encodeSafetensors(params)));
}

/**
 * For the runner, before an answer leaves: the model in it is one that was made with noise, number by number.
 * @throws NF_PRIVACY_UNPROTECTED
 */
export function requireReleased(model: Uint8Array | undefined): void {
  if (!task || model === undefined || task.released.has(sha256(model))) return;
  throw unprotected('it sends a model that is not as `getParams` of the private trainer gave it');
}

function unprotected(reason: string) {
  return flError('NF_PRIVACY_UNPROTECTED', { reason });
}
