import { lstat, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { readInput } from '../../base/files/read-file.ts';
import { beyondBounds } from '../../base/json-bounds.ts';
import { parseJson } from '../../base/parse-json.ts';
import { JOB_LIMITS } from '../../job/limits.ts';

/** A folder of nvflare may come from somebody else: what is read of it is its own. */

/** Nested lists and maps, and values: arrays of a first model may stand in a configuration. */
const BOUNDS = { depth: JOB_LIMITS.depth.most, values: 2_000_000 } as const;
const PLAIN_PATH = /^(?!\.{1,2}(\/|$))[^/\\\0]+(\/(?!\.{1,2}(\/|$))[^/\\\0]+)*$/;

/** The path of a file or folder below another, where neither it nor a folder on the way is a link. @throws NF_IMPORT_FOLDER */
export async function ownPath(folder: string, path: string): Promise<string> {
  const refuse = (reason: string) => unusable(reason, join(folder, path));
  if (!PLAIN_PATH.test(path)) throw refuse('its path leads out of the folder of the job');
  let place = folder;
  for (const part of path.split('/')) {
    place = join(place, part);
    const found = await lstat(place).catch(() => undefined);
    if (found?.isSymbolicLink()) throw refuse('it, or a folder on the way to it, is a link');
  }
  return place;
}

/** What a JSON file of the folder says. @throws NF_IMPORT_FOLDER, NF_INPUT_LARGE, NF_PATH_UNUSABLE; the system's error */
export async function readOwnJson(folder: string, path: string): Promise<unknown> {
  const file = await ownPath(folder, path);
  const text = (await readInput(file, JOB_LIMITS.bytes.most)).toString('utf8');
  const beyond = beyondBounds(text, BOUNDS);
  if (beyond === 'depth') throw unusable(`it is nested more than ${BOUNDS.depth} times`, file);
  if (beyond) throw unusable(`it holds more than ${BOUNDS.values} values`, file);
  return parseJson(text);
}

/** Whether a file lies in a folder, wherever links lead. */
export async function liesIn(folder: string, file: string): Promise<boolean> {
  const found = await realpath(file).catch(() => file);
  return found.startsWith((await realpath(folder)) + sep);
}

export function unusable(reason: string, file: string) {
  return flError('NF_IMPORT_FOLDER', { reason }, { place: { file } });
}
