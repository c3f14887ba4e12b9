import { join } from 'node:path';
import { z } from 'zod';
import { flError } from '../../runtime/base/errors/errors.ts';
import { parseJson } from '../../runtime/base/parse-json.ts';
import { readInside } from './read-inside.ts';

/** What a file of JSON says of the columns of a table, by their names. */
export type Sidecar = Readonly<Record<string, unknown>>;

const sidecarSchema = z.record(z.string(), z.unknown());

/**
 * Reads participants.json; a byte order mark before it is passed over.
 * @param within the data set that its links may lead to, of a derivative the one that it lies in
 * @returns undefined where the data set has none
 * @throws NF_BIDS_FILE_OUTSIDE, NF_DATA_SIDECAR for what holds no JSON object
 */
export async function readSidecar(bidsRoot: string, within = bidsRoot): Promise<Sidecar | undefined> {
  const file = join(bidsRoot, 'participants.json');
  const bytes = await readInside(within, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  return bytes && parseSidecar(bytes.toString('utf8'), file);
}

/** The object that a text of JSON holds; a byte order mark is passed over. Undefined for what holds none. */
export function objectOf(content: string | Uint8Array): Sidecar | undefined {
  const text = Buffer.from(content).toString('utf8');
  return sidecarSchema.safeParse(parseJson(text.replace(/^\uFEFF/, ''))).data;
}

function parseSidecar(text: string, file: string): Sidecar {
  const fault = (message: string, cause?: unknown) =>
    flError('NF_DATA_SIDECAR', { message }, { place: { file }, cause });
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw fault((cause as Error).message, cause);
  }
  const parsed = sidecarSchema.safeParse(value);
  if (!parsed.success) throw fault('it is no object');
  return parsed.data;
}

/** The values that a column may have, as its `Levels` say; undefined where nothing says it. */
export function levelsOf(sidecar: Sidecar | undefined, column: string): string[] | undefined {
  const levels = z.looseObject({ Levels: z.record(z.string(), z.unknown()) }).safeParse(sidecar?.[column])
    .data?.Levels;
  return levels && Object.keys(levels);
}
