import { readInputText } from '../../base/files/read-file.ts';
import { parseJson } from '../../base/parse-json.ts';
import { featuresOf } from '../../learning/dataset/describe-images.ts';
import type { ImageSet } from '../../learning/dataset/image-set.ts';
import { FEATURES } from '../../learning/dataset/picture-features.ts';
import { FALSE_ALARMS, type ImageProfile, likenessJudge, parseProfile } from '../../run/image-profile.ts';
import { RUN_FILES } from '../../run/run-folder.ts';
import type { ClassTarget } from '../open-target.ts';
import type { ClassPrediction } from './predict-schema.ts';

interface Judged {
  readonly likeness: ClassPrediction['likeness'];
  /** Of each picture, in order; empty where it is not known. */
  readonly unlike: readonly NonNullable<ClassPrediction['images'][number]['unlike']>[];
}

/** Holds pictures against what the sites told of those that the model was trained on. */
export async function judgeLikeness({ run, spec }: ClassTarget, images: ImageSet): Promise<Judged> {
  if (!run) return notKnown('the model lies in no run');
  const text = await readInputText(run.folder.at(RUN_FILES.imageProfile)).catch(() => undefined);
  if (text === undefined) return notKnown(`its run has no ${RUN_FILES.imageProfile}`);
  const profile = parseProfile(parseJson(text));
  if (!profile) return notKnown(`${RUN_FILES.imageProfile} of its run is none that this version reads`);
  const reason = misfit(profile, spec.image_size);
  if (reason !== undefined) return notKnown(reason);
  const { threshold, heldOut, distance } = likenessJudge(profile);
  if (threshold === undefined)
    return notKnown(`the sites told of ${heldOut} held-out images, which are too few`);
  const unlike: NonNullable<ClassPrediction['images'][number]['unlike']>[] = [];
  for await (const features of featuresOf(images)) {
    const own = distance(features);
    unlike.push({ distance: own, is_unlike: own > threshold });
  }
  return { likeness: { threshold, false_alarms: FALSE_ALARMS, held_out: heldOut, not_known: null }, unlike };
}

/** Profiles of other pictures say nothing of these. */
function misfit({ sites }: ImageProfile, side: number): string | undefined {
  const [first] = sites;
  if (first?.sums.length !== FEATURES)
    return 'it was told in other numbers than this version describes pictures by';
  if (first.separate) return 'training had each slice of a volume by itself';
  return first.image_size === side ? undefined : `it was told of pictures of ${first.image_size} pixels`;
}

function notKnown(reason: string): Judged {
  return { likeness: { threshold: null, false_alarms: null, held_out: 0, not_known: reason }, unlike: [] };
}
