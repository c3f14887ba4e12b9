// One aggregation in a process of its own, for aggregation.ts. usage: node bench/aggregate-once.ts TARGET MODEL ...
import { weightedMean } from '../src/runtime/algorithms/aggregators/weighted-mean.ts';

const [target = '', ...models] = process.argv.slice(2);
const begun = performance.now();
await weightedMean({
  target,
  base: models[0] ?? '',
  contributions: models.map((path, index) => ({
    site: `site-${index + 1}`,
    path,
    weight: index + 1,
    paramsType: 'FULL',
  })),
});
const seconds = (performance.now() - begun) / 1000;
console.log(JSON.stringify({ seconds, memory: process.resourceUsage().maxRSS / 1024 }));
