import type { z } from 'zod';
import { flError } from '../../base/errors/errors.ts';
import { issueText } from '../../base/errors/issue-text.ts';
import { beyondBounds, type JsonBounds } from '../../base/json-bounds.ts';
import { parseJson } from '../../base/parse-json.ts';
import { cut } from '../../base/text/printable.ts';

/** Faults of a request that are told, and characters they take: what was sent stands in them. */
const MOST_FAULTS = 5;
const MOST_CHARACTERS = 1000;

/** The value of a request's JSON, within bounds and in its form. @throws NF_REQUEST_FORM */
export function readRequest<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
  bounds: JsonBounds,
): z.output<Schema> {
  requireBounds(text, bounds);
  const { success, data, error } = schema.safeParse(parseJson(text));
  if (success) return data;
  throw formFault(
    text === ''
      ? [{ at: '', fault: 'its body is empty' }]
      : error.issues.map((issue) => ({ at: issue.path.join('/'), fault: issueText(issue) })),
  );
}

/** @throws NF_REQUEST_FORM */
export function requireBounds(text: string, bounds: JsonBounds): void {
  const beyond = beyondBounds(text, bounds);
  if (beyond === undefined) return;
  const reason =
    beyond === 'depth'
      ? `its lists and objects lie more than ${bounds.depth} deep in one another`
      : `it holds more than ${bounds.values} numbers, texts, lists and objects`;
  throw flError('NF_REQUEST_FORM', { reason });
}

export interface FormFault {
  /** Names and numbers of where it is, with `/` between them. */
  readonly at: string;
  readonly fault: string;
}

/** What of a request has another form than it must. */
export function formFault(faults: readonly FormFault[], cause?: unknown) {
  const told = faults.slice(0, MOST_FAULTS).map(({ at, fault }) => `${at} ${fault}`.trim());
  return flError('NF_REQUEST_FORM', { reason: cut(told.join('; '), MOST_CHARACTERS) }, { cause });
}
