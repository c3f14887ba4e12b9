import { rename } from 'node:fs/promises';
import type { z } from 'zod';
import type { ErrorCode } from '../errors/catalog.ts';
import { type NeuroflareError, toNeuroflareError } from '../errors/errors.ts';
import { firstFault } from '../errors/issue-text.ts';
import { parseJson } from '../parse-json.ts';
import { cut } from '../text/printable.ts';
import { readInputText } from './read-file.ts';

const MACHINE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NF_PATH_DENIED',
  'NF_FILES_OPEN',
  'NF_MEMORY_FULL',
  'NF_INTERNAL',
]);

/** A small JSON file that a process leaves for the next one. */
export interface RecordForm<Schema extends z.ZodType> {
  readonly schema: Schema;
  /** The error of one that is there and cannot be used: it names the file and says what to do. */
  readonly damaged: (found: { readonly path: string; readonly reason: string }) => NeuroflareError;
}

/** What stands in a record; undefined where there is none. @throws the form's error, and named ones of the system */
export async function readRecord<Schema extends z.ZodType>(
  path: string,
  { schema, damaged }: RecordForm<Schema>,
): Promise<z.output<Schema> | undefined> {
  const text = await readInputText(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw atPath(error, path);
  });
  if (text === undefined) return undefined;
  const value = parseJson(text);
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw damaged({ path, reason: value === undefined ? notJson(text) : cut(firstFault(error), 200) });
}

/**
 * As `readRecord`, for a record that its owner can do without: one that cannot be used is moved aside, where somebody may look at it, and
 * what is wrong with it is given to be told.
 * @throws what keeps this machine from reading it, by name
 */
export async function readOrSetAside<Schema extends z.ZodType>(
  path: string,
  form: RecordForm<Schema>,
): Promise<{ readonly value?: z.output<Schema> | undefined; readonly trouble?: NeuroflareError }> {
  try {
    return { value: await readRecord(path, form) };
  } catch (thrown) {
    const trouble = toNeuroflareError(thrown);
    // What fails for the machine's sake may be sound: nothing is moved.
    if (isOfMachine(trouble)) throw trouble;
    await rename(path, `${path}.damaged`);
    return { trouble };
  }
}

function isOfMachine({ code }: NeuroflareError): boolean {
  return MACHINE.has(code);
}

/** Node's error for a folder in a file's place names no path. */
function atPath(error: NodeJS.ErrnoException, path: string): NeuroflareError {
  return toNeuroflareError(error.path === undefined ? Object.assign(error, { path }) : error);
}

function notJson(text: string): string {
  return /^[\0\s]*$/.test(text) ? 'it is empty' : 'it is no JSON: cut or overwritten';
}
