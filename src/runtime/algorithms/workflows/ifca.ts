import { z } from 'zod';
import { flError } from '../../base/errors/errors.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { boundedExamples } from '../bounded-weights.ts';
import { weightedMean } from '../reducers/weighted-mean.ts';
import {
  type Answer,
  declareWorkflow,
  type Federation,
  type FileRef,
  type Payload,
  WITHOUT_FAILED,
} from '../workflow.ts';

const MOST_CLUSTERS = 20;

/**
 * IFCA (Ghosh et al., "An Efficient Framework for Clustered Federated Learning", 2020, algorithm 1, averaging models): there are k models; in each
 * round a site scores them all, trains the one of the lowest loss on its images, and each model becomes the mean of those that trained it.
 * The loss is that of the validation images, which scripts report. All begin with the same parameters, so that in the first round sites are
 * dealt to the models in their order.
 */
export const workflow = declareWorkflow({
  summary:
    'there are several models; in each round a site trains the one that has the lowest `loss` on its images, and each becomes the mean of those that trained it',
  source: 'Ghosh et al. 2020',
  options: {
    clusters: z
      .int()
      .min(2)
      .max(MOST_CLUSTERS)
      .default(2)
      .describe('models that there are; in each round every site scores all of them'),
  },
  tasks: { evaluate: { when: 'after', answer: {}, isLast: true } },
  tasksOf: ({ clusters }) => ({
    choose: { when: 'training', isAbout: namesOf(clusters), answer: {} },
    choose_last: { when: 'after', isAbout: namesOf(clusters), answer: {} },
  }),
  leastAnswers: ({ clusters }) => clusters,
  async run(federation, { numRounds, options, maxWeightRatio: ratio }) {
    const names = namesOf(options.clusters);
    let models = names.map(() => federation.initial.model);
    const chosen = new Map<string, number>();
    const modelFor = (site: string): Payload => ({
      model: models[chosen.get(site) ?? 0] ?? federation.initial.model,
    });
    const choose = async (name: string, round: number, sites: readonly string[]) => {
      const of = { name, round, sites, names, models };
      for (const [site, index] of await choicesOf(federation, of)) chosen.set(site, index);
      // One that is new, or could not score any.
      for (const [at, site] of sites.entries()) if (!chosen.has(site)) chosen.set(site, at % names.length);
    };
    for (let round = 1; round <= numRounds; round++) {
      const sites = await federation.members(round);
      if (round > 1) await choose('choose', round, sites);
      else for (const [at, site] of sites.entries()) chosen.set(site, at % names.length);
      const answers = await federation.exchange({ name: 'train', round, inputs: modelFor }, sites);
      const made: FileRef[] = [];
      for (const [index, model] of models.entries()) {
        const own = answers.filter(({ site }) => chosen.get(site) === index);
        const name = names[index] ?? '';
        made.push(await meanOf(federation, { round, index, name, model, answers: own, ratio }));
      }
      models = made;
      await federation.publish(round, payloadOf(models, names));
    }
    const sites = await federation.members(numRounds + 1);
    await choose('choose_last', numRounds + 1, sites);
    await federation.exchange({ name: 'evaluate', round: numRounds + 1, inputs: modelFor }, sites);
    await federation.publish(numRounds + 1);
    return payloadOf(models, names);
  },
});

function namesOf(clusters: number): string[] {
  return Array.from({ length: clusters }, (_, index) => `cluster-${index + 1}`);
}

/** The first model is that of the run; the others lie beside it. */
function payloadOf(models: readonly FileRef[], names: readonly string[]): Payload {
  const [model, ...others] = models;
  if (!model) throw new Error('There is no model.');
  return { ...Object.fromEntries(others.map((file, at) => [names[at + 1] ?? '', file])), model };
}

interface Choosing {
  readonly name: string;
  readonly round: number;
  readonly sites: readonly string[];
  readonly names: readonly string[];
  readonly models: readonly FileRef[];
}

/** Which model has the lowest loss at each site that scored one; of equals the first. @throws NF_KEY_METRIC_MISSING where no site tells a loss */
async function choicesOf(
  federation: Federation,
  { name, round, sites, names, models }: Choosing,
): Promise<ReadonlyMap<string, number>> {
  const lowest = new Map<string, { readonly index: number; readonly loss: number }>();
  const told = new Set<string>();
  for (const [index, about] of names.entries()) {
    const model = models[index];
    if (!model) continue;
    for (const { site, metrics } of await federation.exchange(
      { name, round, about, inputs: { model } },
      sites,
      WITHOUT_FAILED,
    )) {
      for (const key of Object.keys(metrics)) told.add(key);
      const { loss } = metrics;
      if (typeof loss === 'number' && loss < (lowest.get(site)?.loss ?? Number.POSITIVE_INFINITY))
        lowest.set(site, { index, loss });
    }
  }
  if (lowest.size === 0 && told.size > 0) {
    const reported = [...told].sort();
    throw flError('NF_KEY_METRIC_MISSING', {
      metric: 'loss',
      reported: reported.join(', '),
      nearest: didYouMean('loss', reported),
    });
  }
  return new Map([...lowest].map(([site, { index }]) => [site, index]));
}

interface Cluster {
  readonly round: number;
  readonly index: number;
  readonly name: string;
  /** workflow.max_weight_ratio */
  readonly ratio: number;
  readonly model: FileRef;
  readonly answers: readonly Answer[];
}

/** One that no site trained stays as it is. */
async function meanOf(
  federation: Federation,
  { round, index, name, model, answers, ratio }: Cluster,
): Promise<FileRef> {
  if (answers.length === 0) return model;
  const { weights, notes } = boundedExamples(answers, ratio);
  const sites = answers.map(({ site }) => site).join(', ');
  const { model: made } = await federation.reduce({
    round,
    ...(index > 0 && { about: name }),
    reducer: weightedMean,
    base: { model },
    answers,
    weights,
    notes: [...notes, `${name} was trained by ${sites}`],
  });
  return made;
}
