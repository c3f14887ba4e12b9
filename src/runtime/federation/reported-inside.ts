import { isAbsolute, relative, resolve, sep } from 'node:path';
import { type NeuroflareError, reviveError, toNeuroflareError } from '../base/errors/errors.ts';

/** Does work on the files of a folder; where the folder lies is nobody else's business, so its errors name places from it. */
export async function reportedInside<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    throw seenFrom(folder, toNeuroflareError(thrown));
  }
}

/** The same error with paths below a folder written from there. */
export function seenFrom(folder: string, error: NeuroflareError): NeuroflareError {
  const root = resolve(folder);
  const short = (text: string) => text.replaceAll(root + sep, '').replaceAll(root, '.');
  const { place, ...report } = error.report();
  const file = place?.file === undefined ? undefined : fromFolder(root, place.file);
  const seen = reviveError({
    ...report,
    message: short(report.message),
    hint: short(report.hint),
    ...(place && { place: { ...place, ...(file !== undefined && { file }) } }),
  });
  return Object.assign(seen, { cause: error });
}

function fromFolder(root: string, file: string): string {
  const place = relative(root, resolve(root, file));
  const isInside = !place.startsWith('..') && !isAbsolute(place);
  return isInside ? place.split(sep).join('/') || '.' : file;
}
