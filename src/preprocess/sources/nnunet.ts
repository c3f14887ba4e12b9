import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { flError } from '../../runtime/base/errors/errors.ts';
import type { ExaminationSource } from '../bids/examination.ts';
import { readInside } from '../bids/read-inside.ts';
import { volumeFormat } from '../volume/read-volume.ts';
import { type Case, type ChallengeOptions, caseSource } from './challenge.ts';
import type { Exclusion } from './exclude.ts';
import { listFolder } from './list-folder.ts';

const IMAGES = 'imagesTr';
const MASKS = 'labelsTr';
const DESCRIPTION = 'dataset.json';

/** nnU-Net's dataset.json, of version 2 and, with `modality` and names by number, of version 1. */
const descriptionSchema = z
  .object({
    channel_names: z.record(z.string(), z.string()).optional(),
    modality: z.record(z.string(), z.string()).optional(),
    labels: z.record(z.string(), z.unknown()),
    file_ending: z.string().optional(),
  })
  .refine(({ channel_names: names, modality }) => names ?? modality, 'neither channel_names nor modality');

/** Names of channels that say which contrast they are. */
const CONTRASTS: readonly (readonly [name: RegExp, image: string])[] = [
  [/^t1[nw]?$/i, 'T1w'],
  [/^(t1[-_ ]?(c|ce|gd)|t1w?[-_ ]?(c|ce|gd)|mrt1gd)$/i, 'ce-gadolinium_T1w'],
  [/^t2w?$/i, 'T2w'],
  [/^(flair|t2[-_ ]?f(lair)?)$/i, 'FLAIR'],
  [/^pdw?$/i, 'PDw'],
];

/** Whether a folder is a data set of nnU-Net. */
export async function isNnunet(root: string): Promise<boolean> {
  const found = await stat(join(root, IMAGES)).catch(() => undefined);
  return found?.isDirectory() === true;
}

/**
 * The training cases of a data set of nnU-Net: `imagesTr/CASE_0000.nii.gz` with a number for each channel, `labelsTr/CASE.nii.gz`.
 * @param suffix the contrast of the one channel whose name does not say it
 * @throws NF_BIDS_CHALLENGE, NF_BIDS_NO_LABELS, NF_TABLE_*
 */
export async function readNnunet(
  options: ChallengeOptions & {
    readonly exclusion: Exclusion;
    readonly suffix: string | undefined;
    readonly skullStripped: boolean;
  },
): Promise<ExaminationSource> {
  const { source, root, exclusion, suffix, skullStripped } = options;
  const file = join(source, DESCRIPTION);
  const { channels, labels, ending } = await readDescription(file, { root, suffix });
  const images = new Map<string, { name: string; path: string }[]>();
  for (const { name } of await listFolder(join(root, IMAGES))) {
    const path = `${IMAGES}/${name}`;
    const match = /^(.+)_(\d{4})$/.exec(name.endsWith(ending) ? name.slice(0, -ending.length) : '');
    if (exclusion.isExcluded(path)) continue;
    const [, one = '', number = ''] = match ?? [];
    const channel = channels.get(String(Number(number)));
    if (!match || channel === undefined) {
      const what = match
        ? `is of channel ${Number(number)}, which ${DESCRIPTION} lacks`
        : `is not called CASE_0000${ending}`;
      throw challengeFault(`a file in ${IMAGES} ${what}`, join(source, path));
    }
    images.set(one, [...(images.get(one) ?? []), { name: channel, path }]);
  }
  if (images.size === 0) throw challengeFault(`${IMAGES} holds no images`, join(source, IMAGES));
  const masks = new Set((await listFolder(join(root, MASKS)).catch(() => [])).map(({ name }) => name));
  const cases = [...images].map(([name, own]): Case => {
    const mask = `${name}${ending}`;
    return {
      name,
      patient: name,
      label: undefined,
      images: own,
      mask: masks.has(mask) ? `${MASKS}/${mask}` : undefined,
    };
  });
  return caseSource(cases, options, {
    what: 'a data set of nnU-Net',
    images: `Images of a data set of nnU-Net; the skull ${skullStripped ? 'was removed' : 'is in the images'}, as whoever made the data set says.`,
    skullStripped,
    mask: `Values as dataset.json has them: ${labels}.`,
  });
}

async function readDescription(
  file: string,
  { root, suffix }: { root: string; suffix: string | undefined },
): Promise<{ channels: ReadonlyMap<string, string>; labels: string; ending: string }> {
  const bytes = await readInside(root, join(root, DESCRIPTION)).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw challengeFault(`${DESCRIPTION} is missing beside ${IMAGES}`, file);
  });
  const parsed = descriptionSchema.safeParse(parseJson(bytes.toString('utf8'), file));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw challengeFault(`${DESCRIPTION} is not nnU-Net's: ${issue?.path.join('.')} ${issue?.message}`, file);
  }
  const { channel_names: names, modality, labels, file_ending: ending = '.nii.gz' } = parsed.data;
  if (!volumeFormat(`a${ending}`))
    throw challengeFault(`files ending in ${JSON.stringify(ending)} are not read`, file);
  const entries = Object.entries(names ?? modality ?? {});
  const channels = new Map(
    entries.map(([number, name]) => {
      const contrast = CONTRASTS.find(([pattern]) => pattern.test(name.trim()))?.[1];
      const image = contrast ?? (entries.length === 1 ? suffix : undefined);
      if (image !== undefined) return [number, image] as const;
      const help = entries.length === 1 ? '; --suffix says which it is' : '';
      throw challengeFault(
        `channel ${number} is called ${JSON.stringify(name)}, which is no contrast that BIDS has a name for${help}`,
        file,
      );
    }),
  );
  if (new Set(channels.values()).size < channels.size)
    throw challengeFault('two channels are of one contrast', file);
  return { channels, labels: labelText(labels), ending };
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw challengeFault(`${DESCRIPTION} is no JSON`, file, cause);
  }
}

/** `{"tumor": 1}` of version 2 and `{"1": "tumor"}` of version 1. */
function labelText(labels: Readonly<Record<string, unknown>>): string {
  return Object.entries(labels)
    .map(([key, value]) => (/^\d+$/.test(key) ? `${key} is ${String(value)}` : `${String(value)} is ${key}`))
    .join(', ');
}

function challengeFault(detail: string, file: string, cause?: unknown) {
  return flError('NF_BIDS_CHALLENGE', { detail }, { place: { file }, cause });
}
