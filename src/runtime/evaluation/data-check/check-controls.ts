import { COLUMN, groupOf, type Participants } from '../../../preprocess/bids/participants.ts';
import { type Finding, finding } from '../../../preprocess/check/finding.ts';
import type { ImageFacts } from '../../../preprocess/check/inspect-image.ts';
import type { Progress } from '../../base/logging/progress.ts';
import { CONTROL_NAMES, CONTROLS, type ControlName } from '../../learning/controls/controls.ts';
import { groupedFolds } from '../../learning/controls/folds.ts';
import type { ControlImage } from '../../learning/controls/images.ts';
import { runControls } from '../../learning/controls/run-controls.ts';
import { type Estimate, estimateOf, indexGroups } from '../../statistics/figure.ts';
import { balancedFigure } from '../figures.ts';

export interface ControlCheck {
  readonly controls: readonly { name: ControlName; sees: string; balanced_accuracy: Estimate }[] | null;
  readonly chance: number | null;
  readonly findings: readonly Finding[];
  /** What the controls looked at. */
  readonly images: readonly ControlImage[];
  readonly classes: readonly string[];
}

interface CheckOptions {
  /** The first example of each participant whose images can be shown to a network, channel by channel. */
  readonly usable: ReadonlyMap<string, readonly ImageFacts[]>;
  readonly seed: number;
  readonly jobs: number;
  readonly run: boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

const FOLDS = 5;
const LEAST_A_CLASS = 10;
/** Over chance by more than this, a control that sees no anatomy has found a shortcut. */
const ALLOWED_LEAD = 0.1;

/** What to do about each shortcut. */
const REMEDIES: Partial<Record<ControlName, string>> = {
  size: "Give all images one size: 'neuroflare preprocess bids --head-mask --size 256'.",
  frame: "Crop to the head and mask what lies outside: 'neuroflare preprocess bids --head-mask'.",
  silhouette:
    'Planes or sources differ by class; report this control beside the model, and judge each plane alone if they are known.',
  histogram: 'Grey levels tell the source; report this control beside the model.',
};

/**
 * The shortcut controls over five grouped folds, on the pictures that a network would be given; but the frame is that of the stored
 * images, which other tools may show to a network whole.
 */
export async function checkControls(
  participants: Participants,
  options: CheckOptions,
): Promise<ControlCheck> {
  const { images, classes } = usableImages(participants, options.usable);
  const { progress, signal, seed, jobs } = options;
  const reason = options.run ? reasonAgainst(images, classes) : 'they were not asked for (--no-controls)';
  if (reason !== undefined) {
    const skipped = finding('note', 'NF_CHECK_CONTROLS', { params: { reason } });
    return { controls: null, chance: null, findings: [skipped], images, classes };
  }
  const count = classes.length;
  const folds = groupedFolds(images, FOLDS, seed);
  const scores = await runControls(images, { classes: count, folds, seed, jobs, progress, signal });
  const labels = Uint8Array.from(images, ({ label }) => label);
  const groups = indexGroups(images.map(({ group }) => group));
  const controls = CONTROL_NAMES.map((name) => ({
    name,
    sees: CONTROLS[name],
    balanced_accuracy: estimateOf(
      balancedFigure({ probabilities: scores[name], labels, classes: count }, groups),
    ),
  }));
  const chance = 1 / count;
  const shortcuts = controls.flatMap((one) => shortcutOf(one, chance));
  return { controls, chance, findings: shortcuts, images, classes };
}

function usableImages(
  { rows }: Participants,
  usable: ReadonlyMap<string, readonly ImageFacts[]>,
): { images: ControlImage[]; classes: string[] } {
  const used = rows.flatMap((row) => {
    const [[facts, ...others] = [], label] = [usable.get(row.id), row.values.get(COLUMN.diagnosis)];
    const isShown = facts && label !== undefined && !row.values.has(COLUMN.setAside);
    return isShown ? [{ row, facts, others, label }] : [];
  });
  const classes = [...new Set(used.map(({ label }) => label))].sort();
  const images = used.map(({ row, facts, others, label }) => ({
    id: row.id,
    group: groupOf(row),
    label: classes.indexOf(label),
    grey: facts.picture,
    others: others.map(({ picture }) => picture),
    size: facts.shape,
    stored: facts.stretched,
  }));
  return { images, classes };
}

function reasonAgainst(images: readonly ControlImage[], classes: readonly string[]): string | undefined {
  if (classes.length < 2) return 'the images have one class or none';
  const few = classes.find((_, at) => images.filter(({ label }) => label === at).length < LEAST_A_CLASS);
  return few === undefined ? undefined : `${few} has fewer than ${LEAST_A_CLASS} usable images`;
}

function shortcutOf(
  { name, sees, balanced_accuracy: { value } }: NonNullable<ControlCheck['controls']>[number],
  chance: number,
): Finding[] {
  const remedy = REMEDIES[name];
  if (remedy === undefined || value === null || value <= chance + ALLOWED_LEAD) return [];
  const percent = (share: number) => (100 * share).toFixed(1);
  const params = { control: name, reached: percent(value), chance: percent(chance), sees, remedy };
  return [finding('warning', 'NF_CHECK_SHORTCUT', { params })];
}
