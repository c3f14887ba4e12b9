import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { NdArray, ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { personalPath } from '../../src/runtime/run/run-folder.ts';
import { startFakeRun } from '../support/fake-run.ts';
import { type Learn, localSites } from '../support/local-sites.ts';
import { readModel } from '../support/model-files.ts';
import { ndArray, shape } from '../support/param-sets.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
const ROUNDS = 3;

/** Names in layers, as models have them; those that begin with `bn` or end with `head` can be meant. */
const NAMES = ['bn1/beta', 'bn1/gamma', 'conv/kernel', 'conv/head', 'out', 'toString'];
const PATTERNS = { 'bn*': /^bn/, '*/gamma': /\/gamma$/, '*head': /head$/, out: /^out$/, 'c*v/*': /^c.*v\// };

const floats: fc.Arbitrary<NdArray> = fc
  .constantFrom('float32' as const, 'float64' as const)
  .chain((dtype) => shape.chain((sizes) => ndArray(dtype, sizes)))
  .map(({ data, ...form }) => ({ ...form, data: data.map((value) => value / 1e4) }));
const model: fc.Arbitrary<ParamSet> = fc.dictionary(fc.constantFrom(...NAMES), floats, { minKeys: 2 });
const patterns = fc.subarray(Object.keys(PATTERNS) as (keyof typeof PATTERNS)[], { minLength: 1 });

/** What a site makes of a model: another one at each site, in each round, and for each tensor. */
function trained(params: ParamSet, site: string, round: number): ParamSet {
  const step = Number(site.slice(-1)) + round / 8;
  return mapped(params, (name, value, index) => value * 0.75 + step + name.length / 4 + index / 16);
}

function mapped(params: ParamSet, change: (name: string, value: number, index: number) => number): ParamSet {
  const arrays = Object.entries(params).map(([name, { data, ...form }]): [string, NdArray] => [
    name,
    { ...form, data: data.map((value, index) => change(name, value, index)) },
  ]);
  return Object.fromEntries(arrays);
}

const examples = (site: string) => Number(site.slice(-1));

it('averages the shared tensors as one would by hand, and each site has its own of the others', async () => {
  await fc.assert(
    fc.asyncProperty(model, patterns, fc.boolean(), fc.boolean(), async (initial, local, asDiff, drawn) => {
      const isLocal = (name: string) => local.some((one) => PATTERNS[one].test(name));
      fc.pre(Object.keys(initial).some((name) => !isLocal(name)));
      const asked: { site: string; round: number; received: ParamSet }[] = [];
      const learn: Learn = ({ params }, { site, round, isEvaluate }) => {
        const received = structuredClone(params);
        if (isEvaluate) return { metrics: { accuracy: 1 } };
        asked.push({ site, round, received });
        const after = trained(params, site, round);
        const sent = asDiff
          ? mapped(after, (name, value, index) => value - (received[name]?.data[index] ?? 0))
          : after;
        return {
          params: sent,
          paramsType: asDiff ? 'DIFF' : 'FULL',
          metrics: { accuracy: 1 },
          numExamples: examples(site),
        };
      };
      const folder = join(root, String(count++));
      const patch = {
        workflow: {
          n_clients: 3,
          num_rounds: ROUNDS,
          local_tensors: local,
          ...(drawn && { clients_per_round: 2 }),
        },
      };
      const { sitesIn, rules } = await localSites(folder, { patch, learn });
      const run = await startFakeRun(join(folder, 'run'), { model: initial, sitesIn, rules });
      const final = await readModel(await run.done);

      const close = (one: ParamSet | undefined, other: ParamSet) => {
        expect(Object.keys(one ?? {}).sort()).toEqual(Object.keys(other).sort());
        for (const [name, { data }] of Object.entries(other))
          for (const [index, value] of [...data].entries())
            expect(one?.[name]?.data[index]).toBeCloseTo(value, 3);
      };
      let global = initial;
      const own = new Map<string, ParamSet>();
      for (let round = 1; round <= ROUNDS; round++) {
        const here = asked
          .filter((one) => one.round === round)
          .toSorted((a, b) => (a.site < b.site ? -1 : 1));
        expect(here).toHaveLength(drawn ? 2 : 3);
        const made = here.map(({ site, received }) => {
          close(received, { ...global, ...own.get(site) });
          const after = trained(received, site, round);
          own.set(site, Object.fromEntries(Object.entries(after).filter(([name]) => isLocal(name))));
          return { after, weight: examples(site) };
        });
        const sum = made.reduce((total, { weight }) => total + weight, 0);
        global = mapped(global, (name, value, index) =>
          isLocal(name)
            ? value
            : made.reduce(
                (mean, { after, weight }) => mean + ((after[name]?.data[index] ?? 0) * weight) / sum,
                0,
              ),
        );
      }
      close(final, global);
      for (const [name, array] of Object.entries(initial))
        if (isLocal(name)) expect(final[name]).toEqual(array);
      for (const [site, tensors] of own) {
        const personal = await readModel(run.folder.at(personalPath(site)));
        // Of one that was not drawn for the last score the rest is that of its last round.
        if (!drawn) close(personal, { ...global, ...tensors });
        expect(Object.keys(personal).sort()).toEqual(Object.keys(initial).sort());
        for (const [name, { data }] of Object.entries(tensors))
          for (const [index, value] of [...data].entries())
            expect(personal[name]?.data[index]).toBeCloseTo(value, 3);
        // Bit for bit what its script sent, where it sent them whole.
        if (!asDiff)
          for (const name of Object.keys(tensors)) {
            const last = asked.findLast((one) => one.site === site);
            expect(personal[name]).toEqual(last && trained(last.received, site, last.round)[name]);
          }
      }
      const left = await readdir(join(folder, 'run/sites'), { recursive: true });
      for (const path of left.filter((one) => /update-.*safetensors$/.test(one)))
        expect(Object.keys(await readModel(join(folder, 'run/sites', path))).filter(isLocal)).toEqual([]);
    }),
    { numRuns: 40 },
  );
});
