import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Progress } from '../../base/logging/progress.ts';
import { deriveSeed } from '../../base/random.ts';
import { definePrivacy, type PrivacyDefinition } from '../../job/privacy.ts';
import type { JobFile } from '../../job/schema.ts';
import { type CanaryRun, type CanaryTerms, guess, runCanaries } from '../../privacy/audit/canaries.ts';
import { checkMoments } from '../../privacy/audit/moment-check.ts';
import { gaussianOneRunBound, oneRunBound } from '../../privacy/audit/one-run-bound.ts';
import { epsilonBy } from '../../privacy/calibrate.ts';
import type { Event } from '../../privacy/mechanism.ts';
import { PrivateSteps } from '../../privacy/private-steps.ts';
import { NUMERIC_DELTA, secretRandom } from '../../privacy/secret-random.ts';
import { promiseOf } from '../../run/run-privacy.ts';
import type { PrivacyAudit } from './result.ts';

interface Audit {
  readonly canaries: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Who is guessed at: of many, few are sure, and a larger share would bring more that are not. */
const GUESSED = 0.1;
/** A larger delta eats the bound of many canaries: it is multiplied by them. */
const MOST_DELTA = 1e-6;
/** That of the noise of an audit, which is no secret. */
const KEY_BYTES = 32;

type StepsAudit = Pick<PrivacyAudit, 'guarantee' | 'check' | 'one_run'>;

/** What a private job promises, and what its own steps do to canaries: nothing is trained. @throws AbortError */
export async function auditSteps(job: JobFile, audit: Audit): Promise<StepsAudit> {
  const promise = promiseOf(job);
  if (!promise || !job.privacy) return { guarantee: null, check: null, one_run: null };
  const privacy = definePrivacy(job.privacy);
  const { unit, delta, epsilon, noise, steps, reason = null } = promise;
  const event = { rate: privacy.samplingRate, sigma: noise, steps };
  const guarantee = {
    unit,
    delta,
    epsilon,
    epsilon_rdp: epsilon === null ? null : epsilonBy('rdp', event, delta - NUMERIC_DELTA),
    reason,
    noise,
    steps,
    sampling_rate: privacy.samplingRate,
    clip: privacy.clip,
  };
  const { run, terms } = await canariesOf(privacy, event, audit);
  const { checks, limit, faults } = checkMoments(run, terms);
  const check = {
    canaries: audit.canaries,
    steps,
    limit,
    checks: [...checks],
    faults: [...faults],
    verdict: faults.length === 0 ? ('as_promised' as const) : ('broken' as const),
  };
  return { guarantee, check, one_run: boundsOf(run, Math.min(delta, MOST_DELTA), event) };
}

async function canariesOf(
  { clip }: PrivacyDefinition,
  { rate, sigma, steps }: Event,
  { canaries, seed, signal, progress }: Audit,
): Promise<{ readonly run: CanaryRun; readonly terms: CanaryTerms }> {
  const of = { groups: canaries, parameters: canaries, rate, sigma, clip };
  const key = Buffer.alloc(KEY_BYTES);
  key.writeUInt32LE(deriveSeed('audit', seed));
  const mechanism = new PrivateSteps(of, secretRandom(key));
  const terms = { ...of, steps, grid: mechanism.grid };
  const tell = async (done: number) => {
    progress({ what: 'steps on canaries', done, total: steps });
    await nextTurn();
    signal.throwIfAborted();
  };
  return { run: await runCanaries(mechanism, terms, { seed, tell }), terms };
}

function boundsOf(run: CanaryRun, delta: number, event: Event): NonNullable<StepsAudit['one_run']> {
  const guessed = guess(run, GUESSED);
  const best = { ...guessed, right: guessed.guesses };
  const claimed = epsilonBy('pld', event, delta);
  const bound = gaussianOneRunBound(guessed, delta);
  return {
    delta,
    claimed,
    ...guessed,
    bound,
    largest_bound: gaussianOneRunBound(best, delta),
    plain_bound: oneRunBound(guessed, delta),
    largest_plain_bound: oneRunBound(best, delta),
    verdict: bound > claimed ? 'contradicts' : 'no_contradiction',
  };
}
