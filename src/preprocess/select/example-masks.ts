import { basename, join } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import type { MaskSelection } from '../../runtime/base/selection/learning-task.ts';
import { exampleOfMask, isInOwnSpace, listMasks, type SourceMask } from '../bids/derivative-masks.ts';
import { parseImageName } from '../bids/image-name.ts';

/** `desc-lesion_mask in derivatives/lesions`, for messages. */
export function describeMasks(masks: MaskSelection): string {
  const desc = descOf(masks);
  const name = [...(desc === undefined ? [] : [`desc-${desc}`]), masks.suffix].join('_');
  return `${name} in derivatives${masks.derivative === undefined ? '' : `/${masks.derivative}`}`;
}

/** What imports of lesions and the phantom write; segmentations have no such custom. */
function descOf({ desc, suffix }: MaskSelection): string | undefined {
  return desc ?? (suffix === 'mask' ? 'lesion' : undefined);
}

/**
 * The mask of each example of a subject, in their order: of the derivatives in the data set, drawn in an image of the example, as the names say.
 * Undefined for one without, where `masks.missing` is `empty`.
 * @throws NF_MASK_MISSING for another one without, NF_MASK_SEVERAL for one that has more, and as `listMasks`
 */
export async function findMasks(
  { root, id }: { root: string; id: string },
  examples: readonly (readonly string[])[],
  masks: MaskSelection,
): Promise<(string | undefined)[]> {
  const own = (await listMasks(root, id)).filter((mask) => isWanted(mask, masks));
  return examples.map((example, at) => {
    const fitting = own.filter(
      (mask) => exampleOfMask(mask.name, examples) === at && isInSpaceOf(mask, example),
    );
    const [first, second] = fitting;
    if (first && !second) return first.file;
    if (!first && masks.missing === 'empty') return undefined;
    const [image = ''] = example;
    const what = describeMasks(masks);
    const params = { participant: id, image: basename(image), what };
    if (!first || !second) throw flError('NF_MASK_MISSING', params, { place: { file: join(root, id) } });
    const both = { first: first.source, second: second.source };
    throw flError('NF_MASK_SEVERAL', { ...params, ...both }, { place: { file: first.file } });
  });
}

function isWanted({ name, derivative }: SourceMask, masks: MaskSelection): boolean {
  if (name.suffix !== masks.suffix) return false;
  const desc = descOf(masks);
  if (desc !== undefined && name.entities.get('desc') !== desc) return false;
  return masks.derivative === undefined || derivative === `derivatives/${masks.derivative}`;
}

/** Whether a mask lies where its images do: `orig`, the suffix of one of them, or the template that they are in. */
function isInSpaceOf(mask: SourceMask, example: readonly string[]): boolean {
  const names = example.flatMap((path) => parseImageName(basename(path)) ?? []);
  const places = names.map(({ entities }) => entities.get('space'));
  if (places.some((place) => place !== undefined)) return places.includes(mask.name.entities.get('space'));
  return isInOwnSpace(
    mask,
    names.map(({ suffix }) => suffix),
  );
}
