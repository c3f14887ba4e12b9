import { z } from 'zod';
import { pictureFactsSchema } from './picture-file.ts';
import { volumeFactsSchema } from './volume-file.ts';

/** What is known of one examination once its images were read; also a part of the journal. */
export const factsSchema = z.union([
  z.strictObject({ picture: pictureFactsSchema }),
  z.strictObject({ volume: volumeFactsSchema }),
]);
export type Facts = z.infer<typeof factsSchema>;

/** Equal for exact copies. */
export function pixelDigestOf(facts: Facts): string {
  return 'picture' in facts ? facts.picture.pixelSha256 : facts.volume.pixelSha256;
}
