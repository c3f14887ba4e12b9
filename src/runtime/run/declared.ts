import { flError } from '../base/errors/errors.ts';
import { counted } from '../base/text/counted.ts';

/**
 * What an answer brings, by name, is what its task asks for, and nothing else. Loads no schemas, for threads that run scripts look by it, too.
 * @throws NF_PAYLOAD_MISSING, NF_PAYLOAD_UNKNOWN
 */
export function requireDeclared(
  given: Readonly<Record<string, unknown>>,
  declared: Readonly<Record<string, { readonly optional?: boolean }>>,
  task: string,
): void {
  for (const [file, { optional }] of Object.entries(declared))
    if (!optional && given[file] === undefined) throw flError('NF_PAYLOAD_MISSING', { file, task });
  const unknown = Object.keys(given).find((file) => !Object.hasOwn(declared, file));
  if (unknown !== undefined) throw flError('NF_PAYLOAD_UNKNOWN', { file: unknown, task });
}

/** @param size bytes @param most bytes @throws NF_PAYLOAD_TOO_LARGE */
export function requireSize(
  size: number,
  { file, task, most }: { readonly file: string; readonly task: string; readonly most: number },
): void {
  if (size > most)
    throw flError('NF_PAYLOAD_TOO_LARGE', {
      file,
      task,
      size: counted(size, 'byte'),
      most: counted(most, 'byte'),
    });
}
