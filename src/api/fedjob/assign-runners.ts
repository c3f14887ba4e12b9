import { resolve } from 'node:path';
import { canonicalJson } from '../../runtime/base/digest.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { compareSites } from '../../runtime/base/site-order.ts';
import type { ScriptArgs } from '../../runtime/job/definition.ts';
import type { ScriptRunner } from './components.ts';

/** Who runs what. */
export interface Runners {
  readonly ofAll: ScriptRunner | undefined;
  readonly bySite: ReadonlyMap<string, ScriptRunner>;
}

/** The same as a job file says it: one executor, and arguments in which a site differs. */
export interface Assignment {
  readonly runner: ScriptRunner;
  readonly args: ScriptArgs;
  readonly siteArgs: Readonly<Record<string, ScriptArgs>>;
}

/**
 * One script for all sites, whose arguments may differ: what a job file can say.
 * @throws NF_FEDJOB_RUNNERS for anything else
 */
export function assignRunners({ ofAll, bySite }: Runners): Assignment | undefined {
  const own = [...bySite].sort(([a], [b]) => compareSites(a, b));
  const runner = ofAll ?? own[0]?.[1];
  if (runner === undefined) return undefined;
  const base = ofAll ? 'the one of all clients' : `the one of ${own[0]?.[0]}`;
  for (const [site, other] of own) requireAlike(other, runner, { site, base });
  const args = ofAll ? argsOf(ofAll) : sharedArgs(own.map(([, one]) => argsOf(one)));
  const siteArgs: Record<string, ScriptArgs> = {};
  for (const [site, one] of own) {
    const missing = Object.keys(args).find((name) => !Object.hasOwn(argsOf(one), name));
    if (missing !== undefined) throw unlike(site, `leaves out the argument '${missing}' of ${base}`);
    siteArgs[site] = pick(argsOf(one), (name, value) => !isSame(args[name], value));
  }
  return { runner, args, siteArgs };
}

const argsOf = (runner: ScriptRunner): ScriptArgs => runner.options.scriptArgs ?? {};

function requireAlike(
  { options: one }: ScriptRunner,
  { options: other }: ScriptRunner,
  { site, base }: { site: string; base: string },
): void {
  if (resolve(one.script) !== resolve(other.script))
    throw unlike(site, `runs ${one.script}, ${base} ${other.script}`);
  for (const key of ['framework', 'taskTimeout'] as const) {
    if (one[key] !== other[key])
      throw unlike(site, `has ${key} ${one[key] ?? 'unset'}, ${base} ${other[key] ?? 'unset'}`);
  }
}

function unlike(site: string, difference: string) {
  return flError('NF_FEDJOB_RUNNERS', { site, difference }, { place: { site } });
}

/** What all of them say alike. */
function sharedArgs([first = {}, ...others]: readonly ScriptArgs[]): ScriptArgs {
  return pick(first, (name, value) =>
    others.every((one) => Object.hasOwn(one, name) && isSame(one[name], value)),
  );
}

function pick(args: ScriptArgs, wanted: (name: string, value: unknown) => boolean): ScriptArgs {
  return Object.fromEntries(Object.entries(args).filter(([name, value]) => wanted(name, value)));
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson({ value: a }) === canonicalJson({ value: b });
}
