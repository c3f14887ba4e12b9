import { CONTROL_NAMES, CONTROLS } from '../learning/controls/controls.ts';
import type { MaskedTest } from '../learning/dataset/masked-pictures.ts';
import { dimensionsOf } from '../learning/models/spec.ts';
import { type Estimate, estimateOf, indexGroups, UNDEFINED } from '../statistics/figure.ts';
import type { Scored } from '../statistics/probabilities.ts';
import { confusionOf } from '../statistics/scored-rows.ts';
import { tumoursAmong } from '../statistics/site-evaluation.ts';
import { type Calibration, describeCalibration } from './calibrate.ts';
import type { ClassEvaluation } from './class-result.ts';
import {
  describeClasses,
  describeControl,
  ownFigures,
  undefinedBecause,
  worstOf,
} from './describe-figures.ts';
import { describeInputs } from './describe-inputs.ts';
import type { EvaluationWork } from './evaluation-work.ts';
import type { WorstCases } from './explain/worst-cases.ts';
import { describeFairness, partingsOf } from './fairness.ts';
import { balancedFigure, type Compared, estimateFigures } from './figures.ts';
import { headlineOf } from './headline.ts';
import type { JudgedControls } from './judge-controls.ts';
import { amongClasses, type Judged } from './judged-people.ts';
import { describeSites } from './per-site.ts';
import { tumourOrNone } from './presence.ts';

export interface Findings {
  readonly judged: Judged;
  readonly calibration: Calibration;
  readonly masked: readonly (readonly [MaskedTest, Judged])[];
  readonly controls: JudgedControls;
  readonly cases: WorstCases;
  readonly own: ClassEvaluation['own_models'];
  readonly harmonisation: ClassEvaluation['harmonisation'];
  readonly notes: readonly string[];
}

export function summarizeEvaluation(work: EvaluationWork, findings: Findings): ClassEvaluation {
  const { target, options } = work;
  const { judged, calibration, masked, controls, cases } = findings;
  const { classes } = target;
  const compared = comparedOf(findings);
  const { seed, replicates } = options;
  const { calibrated } = calibration;
  const figures = estimateFigures({ judged, classNames: classes, calibrated, compared, seed, replicates });
  const perSite = describeSites(work, judged);
  const subjects = (label: number) => judged.labels.filter((own) => own === label).length;
  const perClass = describeClasses(figures, classes, subjects);
  return {
    version: 1,
    kind: 'neuroflare-evaluation',
    research_use_only: true,
    task: 'classification',
    ...describeInputs(work, work.tested, {
      form: { image_size: target.spec.image_size, dimensions: dimensionsOf(target.spec) },
      counts: { per_site: classesBySite(work) },
    }),
    seed,
    replicates,
    classes: [...classes],
    chance: 1 / classes.length,
    headline: headlineOf(figures, 'scores' in controls),
    figures: ownFigures(figures),
    undefined_because: undefinedBecause(perClass, (missing) => `no subject of ${missing}`),
    confusion: confusionOf(judged),
    per_class: perClass,
    per_site: perSite,
    own_models: findings.own,
    fairness: partingsOf(work.tested).map((parting) => describeFairness(judged, parting)),
    worst: worstOf(perSite, perClass),
    tumour_or_none: tumourOrNone(judged, classes, indexGroups(judged.groups)),
    tumour_types: tumourTypes(work, findings),
    calibration: describeCalibration(judged, calibration),
    controls: 'scores' in controls ? describeControls(figures) : null,
    masked: Object.fromEntries(masked.map(([test]) => [test, figures[`masked.${test}`] ?? UNDEFINED])),
    lesion_heat: cases.lesionHeat,
    harmonisation: findings.harmonisation,
    federated: null,
    worst_cases: [...cases.cases],
    notes: [...findings.notes, ...('reason' in controls ? [controls.reason] : [])],
  };
}

/** Of each site, its people of each class. */
function classesBySite({ data, target, tested }: EvaluationWork) {
  const count = (site: string, label: number) =>
    tested.filter((row) => row.site === site && row.label === label).length;
  return Object.fromEntries(
    data.sites.map((site) => [
      site,
      Object.fromEntries(target.classes.map((own, label) => [own, count(site, label)])),
    ]),
  );
}

function comparedOf({ judged, masked, controls }: Findings): Compared[] {
  const { classes, labels } = judged;
  const own = 'scores' in controls ? Object.entries(controls.scores) : [];
  return [
    ...own.map(([name, probabilities]) => ({
      name: `control.${name}`,
      scores: { probabilities, labels, classes },
    })),
    ...masked.map(([test, scores]) => ({ name: `masked.${test}`, scores })),
  ];
}

function describeControls(figures: Readonly<Record<string, Estimate>>): ClassEvaluation['controls'] {
  return CONTROL_NAMES.map((name) => ({
    name,
    sees: CONTROLS[name],
    ...describeControl(figures, name),
  }));
}

function tumourTypes(
  { target }: EvaluationWork,
  { judged, controls }: Findings,
): ClassEvaluation['tumour_types'] {
  const kept = tumoursAmong(target.classes);
  if (!kept) return null;
  const own = 'scores' in controls ? Object.entries(controls.scores) : [];
  const all: [string, Judged][] = [
    ['model', amongClasses(judged, kept)],
    ...own.map(([name, scores]): [string, Judged] => [
      name,
      amongClasses({ ...judged, probabilities: scores } satisfies Judged & Scored, kept),
    ]),
  ];
  const [, first] = all[0] ?? [];
  if (!first || first.labels.length === 0) return null;
  const groups = indexGroups(first.groups);
  const { model = UNDEFINED, ...rest } = Object.fromEntries(
    all.map(([name, one]) => [name, estimateOf(balancedFigure(one, groups))]),
  );
  return {
    classes: kept.map((label) => target.classes[label] ?? ''),
    subjects: first.labels.length,
    balanced_accuracy: model,
    controls: rest,
  };
}
