import { LANDMARK_PERCENTILES } from '../../preprocess/preparation/landmarks.ts';
import { effectsAnswer, scaleAnswer } from '../algorithms/harmonisation/sums.ts';
import { EFFECTS, formText, isHarmoniseTask } from '../algorithms/harmonisation/tasks.ts';
import { partsOfTask } from '../algorithms/task.ts';
import { flError } from '../base/errors/errors.ts';
import type { JobDefinition } from '../job/definition.ts';
import { DEFAULT_SLICES } from '../learning/dataset/default-slices.ts';
import { parseModelSpec, requireClassifier } from '../learning/models/spec.ts';
import type { Values } from '../run/events.ts';

/**
 * The sums that a site tells before the first training are such as its pictures can have, of the job's pictures and classes: who made them
 * up would change the pictures of all sites, or end the job of all when they are put together.
 * @param task its id @throws NF_PAYLOAD_FORM
 */
export function requireHarmoniseSums(
  task: string,
  values: Values,
  { model }: Pick<JobDefinition, 'model'>,
): void {
  const { name } = partsOfTask(task);
  if (!isHarmoniseTask(name)) return;
  const refuse = (reason: string) => flError('NF_PAYLOAD_FORM', { file: 'sums', task, reason });
  const found = (name === EFFECTS ? effectsAnswer : scaleAnswer).safeParse(values.sums).data;
  if (!found) throw refuse('no pictures have such sums');
  const landmarks =
    'squares' in found
      ? [found.squares, ...found.classes.flatMap((one) => (one ? [one.sums] : []))]
      : [found.sums];
  if (landmarks.some(({ length }) => length !== LANDMARK_PERCENTILES.length))
    throw refuse('it has not the form of such sums');
  if (model.kind !== 'built') return;
  const { image_size, classes = [] } = requireClassifier(parseModelSpec(model.spec));
  const [own, asked] = [formText(found.form), formText({ image_size, slices: DEFAULT_SLICES })];
  if (own !== asked) throw refuse(`they are of ${own}, and the job's are ${asked}`);
  if ('classes' in found && found.classes.length !== classes.length)
    throw refuse('it has not the form of such sums');
}
