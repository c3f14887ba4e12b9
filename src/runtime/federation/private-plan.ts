import { flError } from '../base/errors/errors.ts';
import { elementCount } from '../base/tensors/nd-array.ts';
import { threeDigits } from '../base/text/three-digits.ts';
import type { JobDefinition } from '../job/definition.ts';
import { LOCAL_FILES } from '../job/job-paths.ts';
import { loadJob } from '../job/load.ts';
import { planRun } from '../job/plan.ts';
import {
  type GroupCount,
  noiseOfJob,
  type PrivacyDefinition,
  requireDelta,
  stepsOfJob,
} from '../job/privacy.ts';
import type { Override } from '../job/variables.ts';
import { paramForms } from '../learning/models/initial-params.ts';
import { parseModelSpec } from '../learning/models/spec.ts';
import { epsilonBy } from '../privacy/calibrate.ts';
import {
  atTarget,
  type Change,
  leversOf,
  repeated,
  signalToNoise,
  siteShare,
  type Training,
} from '../privacy/plan.ts';
import { epsilonOfRdp, rdpCurve } from '../privacy/rdp.ts';
import { NUMERIC_DELTA } from '../privacy/secret-random.ts';
import { checkModelSpec, inJob, prepareJob } from './prepare-job.ts';
import { requirePrivate } from './private-job.ts';

export interface PlanRequest {
  readonly job: string;
  readonly overrides: readonly Override[];
  /** Of each site, in place of those of the data. */
  readonly groups: number | undefined;
  readonly target: number | undefined;
}

/** A private job's promise and its price, worked out before anything is trained. */
export type PrivacyPlan = Awaited<ReturnType<typeof planPrivacy>>;

/**
 * What a job promises to each group of each site, by both accountants, and what its noise leaves of the signal.
 * @throws NF_PRIVACY_*, and what a job is refused for
 */
export async function planPrivacy(request: PlanRequest) {
  const { loaded, job, sites } = await openJob(request);
  const { privacy } = job;
  if (!privacy)
    throw flError('NF_PRIVACY_PLAN', {
      reason: 'job.yaml has no key privacy',
      advice:
        'Write it, for example: privacy: {epsilon: 8, delta: 1.0e-4, sampling_rate: 0.1, steps_per_round: 10, metrics: outside}',
    });
  inJob(loaded.source, () => requireDelta(privacy, sites));
  const training = trainingOf(job, privacy, sites);
  const curve = rdpCurve(training);
  const { epsilon: byRdp, order } = epsilonOfRdp(curve, training.delta);
  return {
    job: job.name,
    unit: privacy.unit,
    delta: privacy.delta,
    epsilon: epsilonBy('pld', training, training.delta),
    epsilon_rdp: byRdp,
    rdp_order: order,
    noise: training.sigma,
    clip: privacy.clip,
    sampling_rate: privacy.samplingRate,
    steps: training.steps,
    parameters: training.parameters,
    signal_to_noise: signalToNoise(training),
    sites: training.sites.map((site) => {
      const { batch, noiseOfMean, signalToNoise: ratio } = siteShare(training, site);
      return { ...site, batch, noise_of_mean: noiseOfMean, signal_to_noise: ratio };
    }),
    levers: leversOf(training, changesOf(job, training)).map(({ signalToNoise: ratio, ...lever }) => ({
      ...lever,
      signal_to_noise: ratio,
    })),
    repeats: REPEATS.map(({ what, times }) => ({
      what,
      times,
      epsilon_rdp: repeated(curve, training.delta, times),
    })),
    target: request.target === undefined ? null : targetOf(training, request.target),
  };
}

/** How often people train in studies: a group is in the training part of all folds but one. */
const REPEATS: readonly { readonly what: string; readonly times: number }[] = [
  { what: 'this job once more', times: 2 },
  { what: 'cross-validation in 5 folds', times: 4 },
  { what: 'a grid of 12 runs', times: 12 },
  { what: 'a grid of 36 runs', times: 36 },
];

async function openJob({ job: path, overrides, groups }: PlanRequest) {
  if (groups === undefined) {
    const { loaded, plan, groups: known } = await prepareJob(path, { overrides });
    if (known) return { loaded, job: plan.job, sites: known };
    throw flError('NF_PRIVACY_UNIT', { reason: 'the job names no split (data.split)' });
  }
  const loaded = await loadJob(path, overrides);
  checkModelSpec(loaded, LOCAL_FILES);
  inJob(loaded.source, () => requirePrivate(loaded.definition));
  const { sites } = inJob(loaded.source, () => planRun(loaded.definition, {}));
  return { loaded, job: loaded.definition, sites: sites.map((name) => ({ name, groups })) };
}

function trainingOf(job: JobDefinition, privacy: PrivacyDefinition, sites: readonly GroupCount[]): Training {
  return {
    rate: privacy.samplingRate,
    steps: stepsOfJob(job.workflow, privacy),
    sigma: noiseOfJob(job.workflow, privacy),
    delta: privacy.delta - NUMERIC_DELTA,
    parameters: count(modelOf(job)),
    sites,
  };
}

function modelOf({ model }: JobDefinition): Readonly<Record<string, unknown>> {
  return model.kind === 'built' ? model.spec : {};
}

function count(spec: unknown, isMeant: (name: string) => boolean = () => true): number {
  return paramForms(spec)
    .filter(({ name }) => isMeant(name))
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

/** What a job could do otherwise. */
function changesOf(job: JobDefinition, { rate, steps, sites }: Training): Change[] {
  const spec = modelOf(job);
  const parsed = parseModelSpec(spec);
  // What is trained on a pretrained network has no width.
  const width =
    'width' in parsed ? (parsed.width ?? DEFAULT_WIDTH) : parsed.type === 'backbone' ? 0 : DEFAULT_WIDTH;
  const [narrow, drawn] = [Math.max(8, 8 * Math.floor(width / 16)), Math.min(1, 2 * rate)];
  const double = sites.map(({ name, groups }) => ({ name: `another ${name}`, groups }));
  return [
    ...(narrow < width
      ? [{ change: `model.width ${narrow}`, to: { parameters: count({ ...spec, width: narrow }) } }]
      : []),
    { change: 'the last layer alone', to: { parameters: count(spec, (name) => name.startsWith('logits/')) } },
    ...(drawn > rate ? [{ change: `privacy.sampling_rate ${threeDigits(drawn)}`, to: { rate: drawn } }] : []),
    { change: `workflow.num_rounds ${2 * job.workflow.numRounds}`, to: { steps: 2 * steps } },
    { change: `${2 * sites.length} such sites`, to: { sites: [...sites, ...double] } },
  ];
}

const DEFAULT_WIDTH = 16;

function targetOf(training: Training, epsilon: number) {
  const { signalToNoise: ratio, ...target } = atTarget(training, epsilon);
  return { ...target, signal_to_noise: ratio };
}
