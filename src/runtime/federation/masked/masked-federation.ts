import type {
  Answer,
  Arrival,
  Federation,
  KeepStep,
  KeyFigure,
  Payload,
  PublishedBeside,
  ReduceStep,
  RoundRules,
  TaskSpec,
} from '../../algorithms/workflow.ts';
import { flError } from '../../base/errors/errors.ts';
import { elementCount } from '../../base/tensors/nd-array.ts';
import { closeTensorFiles, openTensorFiles } from '../../base/tensors/tensor-file.ts';
import type { JobDefinition } from '../../job/definition.ts';
import type { SecureAggregation } from '../../job/secure-aggregation.ts';
import { SECURE_TASKS, SECURE_WORDS, type SecurePhase, SUMMED } from '../../job/secure-tasks.ts';
import type { About, SignedMember } from '../../masking/session/messages.ts';
import { unmaskingMasks } from '../../masking/session/sum-side.ts';
import { usualThreshold } from '../../masking/thresholds.ts';
import type { RunFiles } from '../../run/run-files.ts';
import type { Coordinator } from '../coordinator.ts';
import type { MaskedUpdates } from '../weigh-results.ts';
import {
  agreementOf,
  type Expected,
  faultsOfAgreements,
  faultsOfArrays,
  faultsOfMembers,
  faultsOfShares,
  faultsOfUnmaskings,
  memberOf,
  sharesOf,
  unmaskingOf,
} from './answers.ts';
import { sessionShares } from './session-weights.ts';

/** What a session is of, beside its round. */
export interface SumsOf {
  readonly project: string;
  readonly jobId: string;
  readonly bundleSha256: string;
}

interface MaskedDeps {
  readonly coordinator: Coordinator;
  /** Of a round, unless its workflow asks for others. */
  readonly rules: (sites: readonly string[]) => RoundRules;
  readonly job: JobDefinition;
  readonly secure: SecureAggregation;
  readonly of: SumsOf;
  readonly files: Pick<RunFiles, 'at'>;
}

/** A round of which the sites have opened the sum. */
interface Opened extends Omit<Parameters<typeof unmaskingMasks>[0], 'members'> {
  readonly members: readonly SignedMember[];
  /** Of one of those in the sum: all have the same arrays. */
  readonly sample: Answer;
}

/**
 * A federation whose sites send their updates with masks on them: where a workflow asks them to train, they exchange keys, shares, masked
 * updates, what they agree on, and what opens the sum (Bonawitz et al. 2017, figure 4). Each phase is an exchange of the round, in the log
 * as any other: after a restart the session goes on where it was. The answers that the workflow gets are those in the sum; their files say
 * nothing one by one, and are reduced as one.
 */
export class MaskedFederation implements Federation {
  readonly #deps: MaskedDeps;
  /** The answers of the round at hand, and their sum. */
  #opened: { readonly answers: readonly Answer[]; readonly sum: Opened } | undefined;

  constructor(deps: MaskedDeps) {
    this.#deps = deps;
  }

  get initial(): Payload {
    return this.#deps.coordinator.initial;
  }

  members(round: number): Promise<readonly string[]> {
    return this.#deps.coordinator.members(round);
  }

  ask(task: TaskSpec, site: string): Promise<void> {
    return this.#deps.coordinator.ask(task, site);
  }

  next(): Promise<Arrival> {
    return this.#deps.coordinator.next();
  }

  keep(step: KeepStep): Promise<Payload> {
    return this.#deps.coordinator.keep(step);
  }

  publish(round: number, made?: Payload, beside?: PublishedBeside): Promise<KeyFigure> {
    this.#opened = undefined;
    return this.#deps.coordinator.publish(round, made, beside);
  }

  async exchange(
    task: TaskSpec,
    sites: readonly string[],
    rules: RoundRules = this.#deps.rules(sites),
  ): Promise<readonly Answer[]> {
    const { coordinator, secure } = this.#deps;
    if (task.name !== SUMMED) return coordinator.exchange(task, sites, rules);
    const trained = await coordinator.exchange(task, sites, rules);
    const threshold = secure.threshold ?? usualThreshold(sites.length);
    const session = new Session(task, { ...this.#deps, threshold, rules });
    const { masked, sum } = await session.run(trained.map(({ site }) => site));
    const told = new Map(trained.map((answer) => [answer.site, answer]));
    const answers = masked.flatMap(({ site, files, paramsType }) => {
      const before = told.get(site);
      return before ? [{ ...before, files, paramsType }] : [];
    });
    this.#opened = { answers, sum };
    return answers;
  }

  async reduce<Options extends object>(step: ReduceStep<Options>): Promise<Payload> {
    const { coordinator } = this.#deps;
    const opened = this.#opened;
    if (!opened || !step.answers.some((answer) => opened.answers.includes(answer)))
      return coordinator.reduce(step);
    if (step.answers.length !== opened.answers.length)
      throw new Error('Masked updates say nothing but together.');
    return coordinator.reduce(step, () => this.#updates(opened.sum));
  }

  /** @throws NF_SECAGG_TOO_FEW where too few right shares came */
  async #updates({ sample, members: signed, ...opened }: Opened): Promise<MaskedUpdates> {
    const { job, files } = this.#deps;
    const members = signed.map(({ member }) => member);
    const masks = unmaskingMasks({ ...opened, members }).map(({ key, sign }) => ({
      key: Buffer.from(key).toString('hex'),
      sign,
    }));
    return { shares: sessionShares(members, job), masks, starts: await startsOf(sample, files) };
  }
}

/** Where in the stream of masks the words of each file begin: one after another, as the task of training has them. */
async function startsOf(
  { files: sent }: Answer,
  files: Pick<RunFiles, 'at'>,
): Promise<ReadonlyMap<string, number>> {
  const named = Object.entries(sent);
  const opened = await openTensorFiles(named.map(([, file]) => files.at(file)));
  try {
    let words = 0;
    return new Map(
      named.map(([name], at) => {
        const start = words;
        for (const { shape } of opened[at]?.layout ?? []) words += elementCount(shape);
        return [name, start];
      }),
    );
  } finally {
    await closeTensorFiles(opened);
  }
}

interface SessionDeps extends Omit<MaskedDeps, 'rules'> {
  readonly threshold: number;
  readonly rules: RoundRules;
}

/** The phases of one round. */
class Session {
  readonly #deps: SessionDeps;
  readonly #base: Payload;
  readonly #about: About;

  constructor({ round, inputs }: TaskSpec, deps: SessionDeps) {
    const { of, threshold, secure } = deps;
    if (typeof inputs === 'function') throw new Error('Updates that are summed up begin with one model.');
    this.#deps = deps;
    this.#base = { model: inputs.model };
    this.#about = {
      project: of.project,
      job_id: of.jobId,
      bundle_sha256: of.bundleSha256,
      round,
      session: 1,
      model_sha256: inputs.model.sha256,
      threshold,
      min_sites: secure.minSites,
      consistency: secure.consistency,
    };
  }

  async run(
    trained: readonly string[],
  ): Promise<{ readonly masked: readonly Answer[]; readonly sum: Opened }> {
    const { threshold, session } = this.#about;
    const about = this.#about;
    const expected: Expected = { about };
    const keys = await this.#phase('keys', { value: { session, threshold }, sites: trained }, (answers) =>
      faultsOfMembers(answers, expected),
    );
    const members = keys.map(memberOf);
    const shared = await this.#phase('shares', { value: { members }, sites: sitesOf(keys) }, (answers) =>
      faultsOfShares(answers, sitesOf(keys)),
    );
    const sent = Object.fromEntries(shared.map((answer) => [answer.site, sharesOf(answer)]));
    const masked = await this.#phase('masked', { value: { sent }, sites: sitesOf(shared) }, (answers) =>
      faultsOfArrays(answers, this.#deps.files),
    );
    const survivors = sitesOf(masked);
    const agreed = about.consistency
      ? await this.#phase('agree', { value: { survivors }, sites: survivors, needed: threshold }, (answers) =>
          faultsOfAgreements(answers, survivors),
        )
      : [];
    const given = { survivors, agreements: agreed.map(agreementOf) };
    const sites = about.consistency ? sitesOf(agreed) : survivors;
    const answers = await this.#phase('open', { value: given, sites, needed: threshold }, (found) =>
      faultsOfUnmaskings(found),
    );
    const [sample] = masked;
    if (!sample) throw new Error('A round has answers.');
    const unmaskings = answers.map(unmaskingOf);
    return { masked, sum: { about, members, sharers: sitesOf(shared), survivors, unmaskings, sample } };
  }

  /** One exchange. @param needed answers; default: those of the round, and those that open its sum */
  async #phase(
    phase: SecurePhase,
    {
      value,
      sites,
      needed,
    }: { readonly value: object; readonly sites: readonly string[]; readonly needed?: number },
    faults: NonNullable<Parameters<Coordinator['exchange']>[0]['faults']>,
  ): Promise<readonly Answer[]> {
    const { coordinator, rules } = this.#deps;
    const { round, threshold, min_sites: least } = this.#about;
    const all = Math.max(rules.minClients, threshold, least);
    const minClients = needed ?? all;
    if (sites.length < minClients)
      throw flError('NF_SECAGG_LOST', { round, sites: sites.join(', '), needed: minClients });
    const name = SECURE_WORDS[phase].input;
    const inputs = await coordinator.keep({ round, name, value, base: this.#base });
    const { waitTimeAfterMinReceived: seconds, mandatory } = rules;
    return coordinator.exchange({ name: SECURE_TASKS[phase], round, inputs, faults }, sites, {
      minClients,
      // Whoever is in the sum has done its part.
      ...(mandatory && needed === undefined && { mandatory }),
      ...(seconds !== undefined && { waitTimeAfterMinReceived: seconds }),
    });
  }
}

function sitesOf(answers: readonly Answer[]): readonly string[] {
  return answers.map(({ site }) => site);
}
