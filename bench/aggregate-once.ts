// One aggregation in a process of its own, for aggregation.ts. usage: node bench/aggregate-once.ts TARGET MODEL ...

import { reducerOf } from '../src/runtime/algorithms/registry.ts';
import { reduce } from '../src/runtime/federation/reduce/reduce.ts';

const [target = '', ...models] = process.argv.slice(2);
const begun = performance.now();
await reduce(reducerOf('weighted_mean'), {
  targets: { model: target },
  base: { model: models[0] ?? '' },
  contributions: models.map((path, index) => ({
    site: `site-${index + 1}`,
    path,
    weight: index + 1,
    paramsType: 'FULL',
  })),
});
const seconds = (performance.now() - begun) / 1000;
console.log(JSON.stringify({ seconds, memory: process.resourceUsage().maxRSS / 1024 }));
