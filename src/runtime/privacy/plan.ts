import { epsilonBy, noiseFor } from './calibrate.ts';
import { timesWithin } from './filter.ts';
import { gridFor } from './grid.ts';
import type { Event } from './mechanism.ts';
import { epsilonOfRdp, type RdpCurve, rdpCurve } from './rdp.ts';

/** What a private training comes to before it runs: what it promises, and what is left of the signal. */
export interface Training extends Event {
  /** Less what the tails of the noise leave out. */
  readonly delta: number;
  /** Numbers that are trained. */
  readonly parameters: number;
  readonly sites: readonly { readonly name: string; readonly groups: number }[];
}

/**
 * The length of what all steps together move the model by, were each clipped gradient of every group the same, over that of the noise in it: for the mean
 * over sites by their groups. Below about 3 little is learnt.
 */
export function signalToNoise({ rate, sigma, steps, parameters, sites }: Training): number {
  const groups = sites.reduce((sum, site) => sum + site.groups, 0);
  return (
    (Math.sqrt(steps) * rate * groups) /
    (noiseOverClip(sigma, parameters) * Math.sqrt(parameters * sites.length))
  );
}

/** Standard deviation of the noise in each number of a sum, as a multiple of the clip. */
function noiseOverClip(sigma: number, parameters: number): number {
  const { sensitivity, perClip } = gridFor(parameters);
  return (sigma * sensitivity) / perClip;
}

/** One site's part. */
export function siteShare(training: Training, site: Training['sites'][number]) {
  const batch = training.rate * site.groups;
  return {
    batch,
    noiseOfMean: noiseOverClip(training.sigma, training.parameters) / batch,
    signalToNoise: signalToNoise({ ...training, sites: [site] }),
  };
}

/** What a job may change, with what it then needs of noise for the same epsilon, and what it gains. */
export interface Lever {
  readonly change: string;
  readonly noise: number;
  readonly signalToNoise: number;
  /** Of the signal over noise, as a factor. */
  readonly gain: number;
}

export interface Change {
  readonly change: string;
  readonly to: Partial<Pick<Training, 'rate' | 'steps' | 'parameters' | 'sites'>>;
}

/** Noise is compared by RDP on both sides, which is quick, and off by the same on each. */
export function leversOf(training: Training, changes: readonly Change[]): Lever[] {
  const { delta } = training;
  const now = signalToNoise(training);
  const epsilon = epsilonBy('rdp', training, delta);
  return changes.flatMap(({ change, to }) => {
    const changed = { ...training, ...to };
    const isSame = changed.rate === training.rate && changed.steps === training.steps;
    const noise = isSame ? training.sigma : noiseFor({ ...changed, epsilon }, 'rdp');
    if (noise === undefined) return [];
    const then = signalToNoise({ ...changed, sigma: noise });
    return [{ change, noise, signalToNoise: then, gain: then / now }];
  });
}

/** What the same training again and again comes to for a group that is in all of them, by RDP: what a budget counts. */
export function repeated(curve: RdpCurve, delta: number, times: number): number {
  return epsilonOfRdp(
    curve.map((divergence) => divergence * times),
    delta,
  ).epsilon;
}

/** What another epsilon would take. */
export function atTarget(training: Training, epsilon: number) {
  const noise = noiseFor({ ...training, epsilon }, 'pld');
  return {
    epsilon,
    noise: noise ?? null,
    signalToNoise: noise === undefined ? null : signalToNoise({ ...training, sigma: noise }),
    /** How often a budget of it bears this training as it is. */
    runs: timesWithin({ epsilon, delta: training.delta }, rdpCurve(training)),
  };
}
