import { sum } from '../../base/sum.ts';
import { type Estimate, estimateOf, indexGroups, shareOf, UNDEFINED } from '../../statistics/figure.ts';
import { meanEstimate, type ResamplingOptions } from '../../statistics/mean-estimate.ts';
import { describeInputs } from '../describe-inputs.ts';
import { answerOf, type ControlFigure } from '../headline.ts';
import { segmentationFigures } from './figures.ts';
import { diceOfShown, judgedVolumes, type ScoredVolume } from './judged-volumes.ts';
import {
  type JudgedMaskControls,
  MASK_CONTROL_NAMES,
  MASK_CONTROLS,
  type MaskControlScores,
} from './mask-controls.ts';
import type { MaskEvaluation } from './mask-result.ts';
import type { MaskWork } from './mask-work.ts';

export interface MaskFindings {
  readonly scored: readonly ScoredVolume[];
  /** On the same volumes. */
  readonly controls: JudgedMaskControls;
  readonly cases: MaskEvaluation['worst_cases'];
}

export function summarizeMasks(work: MaskWork, findings: MaskFindings): MaskEvaluation {
  const { options, tested, data, rules, target, people } = work;
  const { scored, controls, cases } = findings;
  const { seed, replicates } = options;
  const figures = {
    dice: diceEstimate(scored, options),
    specificity: specificityOf(scored),
    nll: meanEstimate(
      scored.map(({ loss }) => loss),
      groupsOf(scored),
      options,
    ),
  };
  const compared = 'scores' in controls ? comparedOf(scored, controls.scores, options) : undefined;
  const { strongest, verdict, sentence } = answerOf({
    what: 'Dice',
    own: figures.dice,
    undefinedBecause: 'no mask shows a label',
    controls: compared,
  });
  return {
    version: 1,
    kind: 'neuroflare-evaluation',
    research_use_only: true,
    task: 'segmentation',
    ...describeInputs(work, people, {
      form: { dimensions: target.spec.dimensions, patch: [...tested.options.patch] },
      counts: { volumes: scored.length, per_site: volumesBySite(work, scored) },
    }),
    seed,
    replicates,
    labels: [...tested.labels],
    rules: { ...rules },
    headline: {
      dice: figures.dice,
      strongest_control: strongest
        ? { name: strongest.name, dice: strongest.figure, lead: strongest.lead }
        : null,
      verdict,
      sentence,
    },
    figures,
    undefined_because: reasonsOf(scored),
    per_label: tested.labels.map((label, at) => describeLabel(label, at, { scored, options })),
    per_site: data.sites.map((site) => describeSite(site, { scored, options })),
    controls:
      compared?.map(({ name, figure: dice, lead }) => ({ name, sees: seenBy(name), dice, lead })) ?? null,
    worst_cases: [...cases],
    notes: [...work.notes, ...('reason' in controls ? [controls.reason] : [])],
  };
}

function groupsOf(volumes: readonly Pick<ScoredVolume, 'group'>[]) {
  return indexGroups(volumes.map(({ group }) => group));
}

/** Over the volumes whose masks show a label. */
function diceEstimate(scored: readonly ScoredVolume[], { seed, replicates }: ResamplingOptions): Estimate {
  const shown = scored.flatMap((one) => {
    const dice = diceOfShown(one.scores);
    return dice === null ? [] : [{ group: one.group, dice }];
  });
  const options = { ...(seed !== undefined && { seed }), ...(replicates !== undefined && { replicates }) };
  return meanEstimate(
    shown.map(({ dice }) => dice),
    groupsOf(shown),
    { ...options, most: 1 },
  );
}

/** The share of the volumes without any label in which none is found. */
function specificityOf(scored: readonly ScoredVolume[]): Estimate {
  const clear = scored.filter(({ scores }) => scores.every(({ overlap }) => overlap.truth === 0));
  const right = clear.map(({ scores }) => (scores.every(({ overlap }) => overlap.predicted === 0) ? 1 : 0));
  return estimateOf(shareOf(right, groupsOf(clear)));
}

function reasonsOf(scored: readonly ScoredVolume[]): Record<string, string> {
  const hasLabel = scored.map(({ scores }) => diceOfShown(scores) !== null);
  return {
    ...(!hasLabel.includes(true) && { dice: 'no mask shows a label' }),
    ...(!hasLabel.includes(false) && { specificity: 'every mask shows a label' }),
  };
}

interface Judging {
  readonly scored: readonly ScoredVolume[];
  readonly options: ResamplingOptions;
}

function describeLabel(
  label: string,
  at: number,
  { scored, options }: Judging,
): MaskEvaluation['per_label'][number] {
  const own = scored.flatMap(({ group, scores }) => {
    const score = scores[at];
    return score ? [{ group, score }] : [];
  });
  const shown = own.filter(({ score }) => score.overlap.truth > 0);
  const figuresOf = (some: typeof own) =>
    segmentationFigures(
      { groups: some.map(({ group }) => group), scores: some.map(({ score }) => score) },
      options,
    );
  const clear = own.filter(({ score }) => score.overlap.truth === 0);
  const none = clear.map(({ score }) => (score.overlap.predicted === 0 ? 1 : 0));
  return {
    label,
    volumes: shown.length,
    lesions: sum(own.map(({ score }) => score.lesions.lesions.length)),
    figures: {
      ...figuresOf(shown),
      lesion_precision: figuresOf(own).lesion_precision,
      specificity: estimateOf(shareOf(none, groupsOf(clear))),
    },
  };
}

function describeSite(site: string, { scored, options }: Judging): MaskEvaluation['per_site'][number] {
  const own = scored.filter((one) => one.site === site);
  const dice = diceEstimate(own, options);
  return {
    site,
    volumes: own.length,
    dice,
    specificity: specificityOf(own),
    undefined_because: dice.value === null ? 'no mask shows a label' : null,
  };
}

/** Each control on the volumes whose masks show a label, and how far the model lies above it, paired by volume. */
function comparedOf(
  scored: readonly ScoredVolume[],
  controls: MaskControlScores,
  options: ResamplingOptions,
): ControlFigure[] {
  const { dice, groups } = judgedVolumes(scored);
  return MASK_CONTROL_NAMES.map((name) => {
    const both = dice.flatMap((own, row) => {
      const other = controls[name][row] ?? null;
      return own === null || other === null ? [] : [{ own, other, group: groups[row] ?? '' }];
    });
    const over = groupsOf(both);
    const others = both.map(({ other }) => other);
    const leads = both.map(({ own, other }) => own - other);
    return {
      name,
      figure: both.length === 0 ? UNDEFINED : meanEstimate(others, over, { ...options, most: 1 }),
      lead: meanEstimate(leads, over, { ...options, least: -1, most: 1 }),
    };
  });
}

function seenBy(name: string): string {
  return MASK_CONTROL_NAMES.flatMap((one) => (one === name ? [MASK_CONTROLS[one]] : []))[0] ?? '';
}

/** Of each site, its volumes, and those whose mask shows a label. */
function volumesBySite({ data }: MaskWork, scored: MaskFindings['scored']) {
  const ofSite = (site: string) => scored.filter((one) => one.site === site);
  return Object.fromEntries(
    data.sites.map((site) => [
      site,
      {
        volumes: ofSite(site).length,
        with_a_label: ofSite(site).filter(({ scores }) => diceOfShown(scores) !== null).length,
      },
    ]),
  );
}
