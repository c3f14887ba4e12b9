import { softwareVersions } from '../../base/files/package-version.ts';
import { LEAST_PEOPLE } from '../../base/least-people.ts';
import { sum } from '../../base/sum.ts';
import { counted } from '../../base/text/counted.ts';
import { CONTROL_NAMES, CONTROLS } from '../../learning/controls/controls.ts';
import { MASKED_TESTS } from '../../learning/dataset/masked-pictures.ts';
import type { FederatedEvaluation } from '../../run/federated-evaluation.ts';
import type { RunSummary } from '../../run/run-report.ts';
import { accuracySums, addRights } from '../../statistics/class-sums.ts';
import { type Estimate, estimateOf, figureOfSums, UNDEFINED } from '../../statistics/figure.ts';
import { meanOfMoments } from '../../statistics/mean-moments.ts';
import { MODEL } from '../../statistics/site-evaluation.ts';
import type { ClassEvaluation } from '../class-result.ts';
import {
  describeClasses,
  describeControl,
  ownFigures,
  undefinedBecause,
  worstOf,
} from '../describe-figures.ts';
import { gapOf } from '../fairness.ts';
import { headlineOf } from '../headline.ts';
import { figuresOfSites } from './figures-of-sites.ts';
import { binsOf, confusionOf, momentsOf, readSites, sharesOf, type ToldSite } from './pooled-sums.ts';
import { presenceOfSites, typesOfSites } from './presence-of-sites.ts';

export interface JudgedModel {
  readonly file: string;
  readonly type: string;
  readonly imageSize: number;
  readonly dimensions: 2 | 3;
  readonly classes: readonly string[];
}

/** What needs pictures, or figures of single ones, and therefore is not there. */
const WITHOUT = [
  'controls that learn from the pictures of all sites together',
  'areas under the ROC over pairs of images of two sites',
  'predictions and worst cases of single images',
] as const;

/** The evaluation that sums of sites come to: figures as those of `evaluate` on the same images. */
export function evaluationOfSites(
  federated: FederatedEvaluation,
  model: JudgedModel,
  summary: Pick<RunSummary, 'job' | 'run_id' | 'engines'>,
): ClassEvaluation {
  const { classes } = model;
  const { read: sites, unread } = readSites(federated, classes.length);
  const figures = figuresOfSites(sites, classes);
  const perSite = sites.map((own) => describeSite(own, classes));
  const perClass = describeClasses(figures, classes, (label) =>
    sum(sites.map(({ labels }) => labels.rows[label] ?? 0)),
  );
  const controls = describeControls(figures);
  return {
    version: 1,
    kind: 'neuroflare-evaluation',
    research_use_only: true,
    task: 'classification',
    ...describeInputs({ federated, model, summary, sites }),
    seed: 0,
    replicates: 0,
    classes: [...classes],
    chance: 1 / classes.length,
    headline: headlineOf(figures, controls !== null),
    figures: ownFigures(figures),
    undefined_because: undefinedBecause(
      perClass,
      (missing) => `no site tells of ${missing}: it has no test images of it, or of too few people`,
    ),
    confusion: confusionOf(sites, classes.length),
    per_class: perClass,
    per_site: perSite,
    own_models: null,
    worst: worstOf(perSite, perClass),
    fairness: fairnessOfSites(sites),
    tumour_or_none: presenceOfSites(sites),
    tumour_types: typesOfSites(sites, classes),
    calibration: calibrationOf(sites),
    controls,
    masked: Object.fromEntries(MASKED_TESTS.map((test) => [test, figures[`masked.${test}`] ?? UNDEFINED])),
    lesion_heat: null,
    harmonisation: null,
    federated: {
      left_out: [...federated.left_out],
      withheld: sites.flatMap(({ site, told: { withheld } }) =>
        withheld.length === 0 ? [] : [{ site, classes: [...withheld] }],
      ),
      without: [...WITHOUT],
    },
    worst_cases: [],
    notes: notesOf(federated, { sites, unread }),
  };
}

/** As `describeFairness`, by site: sites tell of nobody's sex or age. */
function fairnessOfSites(sites: readonly ToldSite[]): ClassEvaluation['fairness'] {
  if (sites.length < 2) return [];
  const own = sites.map(({ site, labels, right }, at) => {
    const model = right.get(MODEL);
    const sums = accuracySums(labels, addRights(model ? [model] : []));
    // Nobody is at two sites: none of the figures moves with another.
    const unit = sites.map((_, other) => (other === at ? 1 : 0));
    const figure = (z?: number) =>
      figureOfSums(sums, {
        ...(z !== undefined && { z }),
        present: Uint8Array.from(unit),
        pull: () => Float64Array.from(unit),
      });
    return { level: site, subjects: sums.rows, figure };
  });
  const levels = own.map(({ level, subjects, figure }) => ({
    level,
    subjects,
    accuracy: estimateOf(figure()),
  }));
  return [{ by: 'site', least: LEAST_PEOPLE, levels, unknown: 0, gap: gapOf(own) }];
}

function calibrationOf(sites: readonly ToldSite[]): ClassEvaluation['calibration'] {
  const temperature = sites[0]?.told.temperature ?? null;
  return {
    temperature,
    fitted_on:
      temperature === null
        ? 'not fitted: too few validation images at the sites'
        : 'validation images at their sites, losses summed',
    bins: binsOf(sites, 'bins'),
    bins_calibrated: temperature === null ? null : binsOf(sites, 'bins_calibrated'),
  };
}

function describeControls(figures: Readonly<Record<string, Estimate>>): ClassEvaluation['controls'] {
  const known = CONTROL_NAMES.filter((name) => figures[`control.${name}`] !== undefined);
  if (known.length === 0) return null;
  return known.map((name) => ({
    name,
    sees: `${CONTROLS[name]}; learnt at each site from its own images`,
    ...describeControl(figures, name),
  }));
}

function describeSite(one: ToldSite, classes: readonly string[]): ClassEvaluation['per_site'][number] {
  const { site, labels } = one;
  const { recalls, balanced, accuracy } = sharesOf([one], MODEL).own;
  const estimates = recalls.map(estimateOf);
  const named = <T>(value: (label: number) => T) =>
    Object.fromEntries(classes.map((name, label) => [name, value(label)]));
  const missing = classes.filter((_, label) => estimates[label]?.value === null);
  const losses = momentsOf([one], 'nll');
  return {
    site,
    subjects: sum(labels.rows),
    balanced_accuracy: estimateOf(balanced),
    accuracy: estimateOf(accuracy),
    nll: losses ? meanOfMoments(losses).value : null,
    recall: named((label) => estimates[label]?.value ?? null),
    recall_intervals: named((label) => estimates[label] ?? UNDEFINED),
    undefined_because:
      missing.length === 0
        ? null
        : `no subject of ${missing.join(', ')}, or fewer people than the site tells of`,
  };
}

function describeInputs({
  federated,
  model,
  summary,
  sites,
}: {
  readonly federated: FederatedEvaluation;
  readonly model: JudgedModel;
  readonly summary: Pick<RunSummary, 'job' | 'run_id' | 'engines'>;
  readonly sites: readonly ToldSite[];
}) {
  const { classes } = model;
  const trained = sites.map(({ told }) => told.trained_on);
  const known = trained.filter((count) => count !== null);
  return {
    model: {
      file: model.file,
      sha256: federated.model_sha256,
      type: model.type,
      image_size: model.imageSize,
      dimensions: model.dimensions,
      job: summary.job,
      run_id: summary.run_id,
    },
    data: {
      root: null,
      participants_sha256: null,
      split: null,
      split_sha256: null,
      part: 'test' as const,
      sites: sites.map(({ site }) => site),
      subjects: sum(sites.map(({ labels }) => sum(labels.rows))),
      groups: sum(sites.map(({ labels }) => labels.people)),
      largest_group: null,
      trained_on: known.length === trained.length ? sum(known) : null,
      per_site: Object.fromEntries(
        sites.map(({ site, labels }) => [
          site,
          Object.fromEntries(classes.map((name, label) => [name, labels.rows[label] ?? 0])),
        ]),
      ),
    },
    engine: { ...engineOf(summary.engines), reason: 'that of the sites' },
    software: softwareVersions(),
  };
}

/** The first one: an evaluation has place for one. */
function engineOf(engines: RunSummary['engines']) {
  const [first] = Object.values(engines);
  if (!first) return { name: 'not known', device: 'not known', library: 'not known' };
  const { name, device, library, detail } = first;
  return { name, device, library: `${library} ${detail}` };
}

function notesOf(
  { left_out: leftOut }: FederatedEvaluation,
  { sites, unread }: { readonly sites: readonly ToldSite[]; readonly unread: readonly string[] },
): string[] {
  const withheld = sites.flatMap(({ site, told }) =>
    told.withheld.length === 0
      ? []
      : [`${site} tells nothing of ${told.withheld.join(', ')}: too few people`],
  );
  const few = sites.filter(({ told }) =>
    Object.keys(told.right).every((name) => !name.startsWith('control.')),
  );
  return [
    'Images stayed at their sites: figures are of sums that the sites told. Controls learnt at each site from its own images alone; with those of all sites they would be stronger.',
    ...leftOut.map(({ site, reason }) => `${site} is left out: ${reason}`),
    ...(unread.length > 0 ? [`left out, told in another form: ${unread.join(', ')}`] : []),
    ...withheld,
    ...(few.length > 0
      ? [
          `no controls: ${few.map(({ site }) => site).join(', ')} ${few.length === 1 ? 'has' : 'have'} too few training images for them`,
        ]
      : []),
    `AUROC compares images of one site with one another, at ${counted(sites.length, 'site')}.`,
  ];
}
