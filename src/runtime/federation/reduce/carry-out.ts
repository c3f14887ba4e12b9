import { aggregatorOf, reducerOf } from '../../algorithms/registry.ts';
import { type Digests, reduce } from './reduce.ts';
import type { ReduceRequest } from './request.ts';

/** Carries out a reduction whose arithmetic is called by its names: it may come from another thread. */
export function carryOut({ reducer, aggregation, ...request }: ReduceRequest): Promise<Digests> {
  return reduce(reducerOf(reducer), {
    ...request,
    ...(aggregation && {
      aggregation: { aggregator: aggregatorOf(aggregation.aggregator), options: aggregation.options },
    }),
  });
}
