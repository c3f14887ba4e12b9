import { boundedExamples } from '../../algorithms/bounded-weights.ts';
import { workflowOf } from '../../algorithms/registry.ts';
import { compareSites } from '../../base/site-order.ts';
import type { JobDefinition } from '../../job/definition.ts';
import { sharesOf } from '../../masking/ring.ts';
import type { Member } from '../../masking/session-keys.ts';

type Rules = Pick<JobDefinition, 'workflow'>;

/** What a site declares that it counts for. @param examples numbers of examples that it has trained on */
export function declaredWeight(examples: number, { workflow }: Rules): number {
  return workflowOf(workflow.type).sums === 'alike' ? 1 : examples;
}

/** Shares of all weight, by site: the same for all who know the members, and those of a simulation. */
export function sessionShares(
  members: readonly Pick<Member, 'site' | 'weight'>[],
  { workflow }: Rules,
): ReadonlyMap<string, number> {
  const sorted = [...members].sort((a, b) => compareSites(a.site, b.site));
  const declared = sorted.map(({ site, weight: numExamples }) => ({ site, numExamples }));
  const shares = sharesOf(boundedExamples(declared, workflow.maxWeightRatio).weights);
  return new Map(sorted.map(({ site }, at) => [site, shares[at] ?? 0]));
}
