import { z } from 'zod';
import { digest } from '../wire/shapes.ts';

/** Where a log ended when somebody last looked. */
const knownEnd = z.object({ seq: z.int().min(1), hash: digest });
export type KnownEnd = z.output<typeof knownEnd>;

/** By the name of the log's file: what tells that a log was removed together with its head. */
export const knownEnds = z.record(z.string(), knownEnd);
