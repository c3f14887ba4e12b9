import type { Engine } from '../engine/engine.ts';
import { wantedPrivacy } from './private-settings.ts';

/** How far a site's computing is. */
export interface TrainProgress {
  readonly phase: 'fit' | 'evaluate';
  /** From 1; 1 of 1 while evaluating. */
  readonly epoch: number;
  readonly epochs: number;
  /** Pictures worked off in this epoch, and how many it has. */
  readonly done: number;
  readonly total: number;
  /** Mean over the epoch so far; absent while evaluating. */
  readonly loss?: number;
}

export type TrainObserver = (progress: TrainProgress) => void;

let engine: (() => Promise<Engine>) | undefined;
let observer: TrainObserver | undefined;
/** What the task at hand asks of whoever trains, and whether it was looked at. */
let proximal: { readonly mu: number; wasRead: boolean } | undefined;
let tensors: readonly string[] | undefined;

/** Whether the task at hand is one on harmonised pictures, and whether some were opened. */
let harmonised: { wasUsed: boolean } | undefined;

/**
 * For the runner: the engine that `compile` uses in this thread. It is made at the first use, so that a script that
 * trains nothing loads none.
 */
export function setEngine(make: () => Promise<Engine>): void {
  let made: Promise<Engine> | undefined;
  engine = () => {
    made ??= make();
    return made;
  };
}

/** The runner's, or for a script that runs by itself the one that `--engine auto` would take. */
export function currentEngine(): Promise<Engine> {
  if (!engine) setEngine(chooseEngine);
  return engine?.() ?? chooseEngine();
}

async function chooseEngine(): Promise<Engine> {
  const { createEngine } = await import('../engine/registry.ts');
  return (await createEngine('auto')).engine;
}

/** For the runner: FedProx's mu of the task that begins; undefined: none is asked for. */
export function askForProximal(mu: number | undefined): void {
  proximal = mu === undefined ? undefined : { mu, wasRead: false };
}

/** What was asked for; from then on it counts as used. */
export function wantedProximal(): number | undefined {
  if (proximal) proximal.wasRead = true;
  return proximal?.mu;
}

/** Whether a term was asked for that nobody has looked at. */
export function isProximalUnused(): boolean {
  return proximal?.wasRead === false;
}

/** For the runner: patterns of the arrays that the task that begins trains; undefined: all. */
export function askForTensors(patterns: readonly string[] | undefined): void {
  tensors = patterns;
}

export function wantedTensors(): readonly string[] | undefined {
  return tensors;
}

/** For the runner: whether the pictures of the task that begins are harmonised. */
export function askForHarmonised(isAsked: boolean): void {
  harmonised = isAsked ? { wasUsed: false } : undefined;
}

/** For a data set of harmonised pictures. */
export function useHarmonisation(): void {
  if (harmonised) harmonised.wasUsed = true;
}

/** Whether harmonised pictures were asked for, and none was opened. */
export function isHarmonisationUnused(): boolean {
  return harmonised?.wasUsed === false;
}

/** For the runner: is told after every batch; undefined ends it. */
export function onTrainProgress(tell: TrainObserver | undefined): void {
  observer = tell;
}

export function tellProgress(progress: TrainProgress): void {
  // Of a private job steps alone are told, and no pictures.
  if (wantedPrivacy() && progress.phase !== 'fit') return;
  observer?.(progress);
}
