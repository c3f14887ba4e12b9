import { prettyJson } from '../../runtime/base/digest.ts';
import { derivativeDescription } from '../bids/derivative-description.ts';
import { validatorNote } from '../bids/validator-note.ts';
import { type Pipeline, spaceOf, stepsOf } from './pipeline.ts';

export interface DerivativeContext {
  readonly name: string;
  /** From the derivative to its source. */
  readonly link: string;
  readonly pipeline: Pipeline;
  readonly suffixes: readonly string[];
  /** Whether images are in line with others, which the sidecar of each says. */
  readonly isAligned: boolean;
  /** Rows of participants.tsv. */
  readonly participants: number;
}

/** The files of the root that describe the derivative, by name. */
export function derivativeTexts(context: DerivativeContext): ReadonlyMap<string, string> {
  const sidecars = context.suffixes.map((suffix): [string, string] => [
    `desc-preproc_${suffix}.json`,
    prettyJson(imageSidecar(context)),
  ]);
  return new Map([
    ['dataset_description.json', prettyJson(description(context))],
    ['README', readme(context)],
    ...sidecars,
    ['desc-head_mask.json', prettyJson({ ...MASK_SIDECAR, SpatialReference: referenceOf(context.pipeline) })],
    ...ignored(context.pipeline),
  ]);
}

function description({ name, link, pipeline }: DerivativeContext): object {
  return derivativeDescription({
    name,
    license: 'As the source images',
    authors: ['The authors of the source images', 'neuroflare (preparation)'],
    made: `preprocess volumes: ${JSON.stringify({ steps: stepsOf(pipeline) })}`,
    link,
  });
}

function imageSidecar({ pipeline, isAligned }: DerivativeContext): object {
  return {
    Description: `Prepared by ${pipeline.steps.map(({ step }) => step).join(', ')}; values are not those of the scanner any more.`,
    SkullStripped: false,
    ...((!isAligned || spaceOf(pipeline)) && { SpatialReference: referenceOf(pipeline) }),
    Processing: stepsOf(pipeline),
  };
}

/** What voxels are in line with: the image that they were made of, or a template. */
function referenceOf(pipeline: Pipeline): string {
  return spaceOf(pipeline)?.template.name ?? 'orig';
}

/** BIDS 1.11 has no name for transforms; theirs is that of fMRIPrep, which keeps them from the validator in the same way. */
function ignored(pipeline: Pipeline): [string, string][] {
  return spaceOf(pipeline) ? [['.bidsignore', '*_xfm.txt\n']] : [];
}

const MASK_SIDECAR = {
  Type: 'ROI',
  Description:
    'The head with skull and skin, as far as a threshold finds it. A heuristic, and not a brain mask: look at it before you trust it.',
};

function readme({ name, pipeline, participants }: DerivativeContext): string {
  const steps = stepsOf(pipeline)
    .map((step, at) => `${at + 1}. ${JSON.stringify(step)}`)
    .join('\n');
  return `${name}

Volumes prepared for training by neuroflare. Each image of the source went through these steps, in this order:

${steps}

The images are named _desc-preproc; the masks beside them, _desc-head_mask, were used by the steps and can be looked at. The same source
and the same steps give the same voxels.
${validatorNote(participants)}`;
}
