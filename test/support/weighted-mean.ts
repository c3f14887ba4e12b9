import { reducerOf } from '../../src/runtime/algorithms/registry.ts';
import { reduce } from '../../src/runtime/federation/reduce/reduce.ts';
import type { Contribution } from '../../src/runtime/federation/reduce/request.ts';

/** The mean of models, at `target`. Returns its SHA-256. */
export async function weightedMean({
  base,
  target,
  contributions,
}: {
  base: string;
  target: string;
  contributions: readonly Contribution[];
}): Promise<string | undefined> {
  const files = { base: { model: base }, targets: { model: target } };
  return (await reduce(reducerOf('weighted_mean'), { contributions, ...files })).model;
}
