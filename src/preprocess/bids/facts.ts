import { z } from 'zod';
import type { FaceFacts } from './examination-face.ts';
import { pictureFactsSchema } from './picture-file.ts';
import { volumeFactsSchema } from './volume-file.ts';

/** What is known of one examination once its images were read; also a part of the journal. */
export const factsSchema = z.union([
  z.strictObject({ picture: pictureFactsSchema }),
  z.strictObject({ volume: volumeFactsSchema }),
]);
export type Facts = z.infer<typeof factsSchema>;

/** What became of the face; undefined for a picture, in which none is looked for. */
export function faceOutcomeOf(facts: Facts): FaceFacts['outcome'] | undefined {
  return 'volume' in facts ? facts.volume.face.outcome : undefined;
}

/** Equal for exact copies. */
export function pixelDigestOf(facts: Facts): string {
  return 'picture' in facts ? facts.picture.pixelSha256 : facts.volume.pixelSha256;
}
