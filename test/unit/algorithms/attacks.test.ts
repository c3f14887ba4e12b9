import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type Attack,
  accuracyOf,
  answerOf,
  CLASSES,
  dataOf,
  FEATURES,
} from '../../../bench/clusters/client/learning.ts';
import { AGGREGATION } from '../../../src/runtime/algorithms/aggregation.ts';
import type { ParamSet } from '../../../src/runtime/base/tensors/nd-array.ts';
import type { Behaviour } from '../../support/fake-channel.ts';
import { startFakeRun } from '../../support/fake-run.ts';
import { readModel } from '../../support/model-files.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

const SITES = Array.from({ length: 7 }, (_, at) => `site-${at + 1}`);
const DATA = SITES.map((_, at) => dataOf(at + 1));
const ATTACKERS = 2;
const NOTHING = {
  weights: float32(new Array<number>(FEATURES * CLASSES).fill(0), [FEATURES, CLASSES]),
  bias: float32(new Array<number>(CLASSES).fill(0)),
};

const modelOf = ({ weights, bias }: ParamSet) => ({
  weights: Float32Array.from(weights?.data ?? []),
  bias: Float32Array.from(bias?.data ?? []),
});

/** The first sites attack, and say that they have ten times the examples. */
const attacked =
  (attack: Attack): Behaviour =>
  ({ name, site }, received) => {
    const at = SITES.indexOf(site);
    const data = DATA[at];
    if (name !== 'train' || !data) return { metrics: { accuracy: 0.5 } };
    const own = { attack: at < ATTACKERS ? attack : 'none' } as const;
    const { model, numExamples } = answerOf(modelOf(received), data, own);
    const params = { weights: { ...NOTHING.weights, data: model.weights }, bias: float32([...model.bias]) };
    return { params, numExamples, metrics: { accuracy: 0.5 } };
  };

type Choice = z.input<z.ZodObject<typeof AGGREGATION>>;

/** Mean accuracy over the test examples of all sites, after two rounds. */
async function accuracyUnder(attack: Attack, choice: Choice, type: 'fedavg' | 'fedopt' = 'fedavg') {
  const workflowOptions = {
    ...z.object(AGGREGATION).parse(choice),
    ...(type === 'fedopt' && {
      server_optimizer: 'sgd',
      server_learning_rate: 1,
      server_momentum: 0,
      server_beta2: 0.99,
      server_tau: 0.001,
    }),
  };
  const run = await startFakeRun(join(root, String(count++)), {
    sites: SITES,
    type,
    workflowOptions,
    model: NOTHING,
    behave: attacked(attack),
    rules: { numRounds: 2, minClients: SITES.length },
  });
  const model = modelOf(await readModel(await run.done));
  return DATA.reduce((sum, { test }) => sum + accuracyOf(model, test), 0) / DATA.length;
}

const ATTACKS = ['sign_flip', 'label_flip', 'scaled'] as const;
const ROBUST: readonly Choice[] = [
  { aggregator: 'median' },
  { aggregator: 'trimmed_mean', trim_ratio: 0.3 },
  { aggregator: 'krum', byzantine_clients: ATTACKERS },
  { aggregator: 'multi_krum', byzantine_clients: ATTACKERS },
  { aggregator: 'geometric_median' },
  { aggregator: 'centered_clipping' },
  { aggregator: 'norm_bound' },
];

describe('two of seven sites that attack', () => {
  it('do nothing to a run in which they are honest', async () => {
    expect(await accuracyUnder('none', {})).toBeGreaterThan(0.9);
  });

  it.each(ATTACKS)('bring the plain mean down: %s', async (attack) => {
    expect(await accuracyUnder(attack, {})).toBeLessThan(0.1);
  });

  it.each(ROBUST.flatMap((choice) => ATTACKS.map((attack) => [choice.aggregator, attack, choice] as const)))(
    '%s holds against %s',
    async (_, attack, choice) => {
      const found = await accuracyUnder(attack, choice);
      expect(found).toBeGreaterThan(0.8);
    },
  );

  it('do as little where the server steps from there with an optimizer', async () => {
    const choice: Choice = { aggregator: 'multi_krum', byzantine_clients: ATTACKERS };
    expect(await accuracyUnder('scaled', choice, 'fedopt')).toBeCloseTo(
      await accuracyUnder('scaled', choice),
      6,
    );
  });
});
