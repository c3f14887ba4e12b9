import type { z } from 'zod';
import { type CodeNaming, flError, type Place } from '../errors/errors.ts';
import { hasOwnWords, issueText } from '../errors/issue-text.ts';
import { didYouMean } from '../text/nearest.ts';
import type { YamlSource } from './yaml-source.ts';

export interface YamlCheck {
  /** Row of the error catalogue whose message is `{faults}`. */
  readonly code: CodeNaming<'faults'>;
  /** What the whole file is, for faults that belong to no key. */
  readonly what: string;
  /** What is checked in place of the file's own value (after overrides). */
  readonly value?: unknown;
  /** What of it is not the file's own, by dotted path: where it comes from, for people. */
  readonly given?: ReadonlyMap<string, string>;
}

/** Faults that are worked out: each takes a search for the nearest name, and nobody reads more. */
export const MOST_FAULTS = 20;
/** Characters of a key of the file's own that are shown. */
const MOST_KEY = 80;

/** The file's value as the schema gives it; its first faults in one error, with line, column and source line. */
export function checkYaml<Schema extends z.ZodType>(
  schema: Schema,
  source: YamlSource,
  { code, what, value = source.value, given = new Map() }: YamlCheck,
): z.output<Schema> {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const { issues } = checked.error;
  const found = firstFaults(issues, { source, schema, what, given });
  // A key that is missing may be there, misspelt: what is there comes first.
  const faults = found.toSorted((a, b) => Number(a.isMissing) - Number(b.isMissing));
  const all = issues.reduce((sum, issue) => sum + countOf(issue), 0);
  const more = found.length < MOST_FAULTS ? 0 : all - MOST_FAULTS;
  const message = faults.map((fault) => fault.message).join('; ') + (more > 0 ? `; and ${more} more` : '');
  const excerpts = faults.map(({ place }) => place.excerpt).filter(Boolean);
  const place = {
    ...faults[0]?.place,
    ...(excerpts.length > 0 && { excerpt: [...new Set(excerpts)].join('\n') }),
  };
  throw flError(code, { faults: message }, { place });
}

interface Context {
  readonly source: YamlSource;
  readonly schema: z.ZodType;
  readonly what: string;
  readonly given: ReadonlyMap<string, string>;
}

interface Fault {
  readonly message: string;
  readonly place: Place;
  /** Keys from the root of the file. */
  readonly depth: number;
  readonly isMissing: boolean;
}

type Keys = (string | number)[];

function countOf(issue: z.core.$ZodIssue): number {
  return issue.code === 'unrecognized_keys' ? issue.keys.length : 1;
}

/** A key as it is shown: a file may have one of any length. */
function shown(keys: Keys): string {
  const name = keys.join('.');
  return name.length > MOST_KEY ? `${name.slice(0, MOST_KEY)}…` : name;
}

function firstFaults(issues: readonly z.core.$ZodIssue[], context: Context): Fault[] {
  const faults: Fault[] = [];
  for (const issue of issues) {
    if (faults.length >= MOST_FAULTS) break;
    faults.push(...faultsOf(issue, context).slice(0, MOST_FAULTS - faults.length));
  }
  return faults;
}

function faultsOf(issue: z.core.$ZodIssue, context: Context): Fault[] {
  const { source, schema, what } = context;
  const keys: Keys = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MOST_FAULTS).map((key) => ({
      message: `unknown key '${shown([...keys, key])}'.${didYouMean(key, knownKeys(schema, keys))}`.replace(
        /\.$/,
        '',
      ),
      place: placeOf([...keys, key], context, true),
      depth: keys.length + 1,
      isMissing: false,
    }));
  }
  if (issue.code === 'invalid_union') return unionFaults(issue, keys, context);
  const name = keys.length > 0 ? `'${shown(keys)}'` : what;
  const absent = keys.length > 0 && source.document.getIn(keys) === undefined;
  const missing = absent && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
  const said = issueText(issue);
  const reason = missing
    ? `is missing${issue.code === 'invalid_value' ? `: ${said}` : ''}`
    : `${said}${issue.code === 'invalid_value' && !hasOwnWords(issue) ? nearestValue(source.document.getIn(keys), issue.values) : ''}`;
  const place = missing ? placeOfMissing(keys, context) : placeOf(keys, context);
  return [{ message: `${name} ${reason}`, place, depth: keys.length, isMissing: missing }];
}

/** In the file, or in what was given in its place. */
function placeOf(keys: Keys, { source, given }: Context, key = false): Place {
  const path = keys.join('.');
  const excerpt = given.get(path);
  return excerpt === undefined ? source.place(keys, { key }) : { key: path, excerpt };
}

/** What is not there has no line: that of what it belongs in is shown, and nothing in it pointed at. */
function placeOfMissing(keys: Keys, context: Context): Place {
  const { excerpt, ...place } = placeOf(keys, context, true);
  const line = keys.length > 1 ? excerpt?.split('\n')[0] : undefined;
  return { ...place, ...(line !== undefined && { excerpt: line }) };
}

function nearestValue(given: unknown, values: readonly unknown[]): string {
  const match = typeof given === 'string' ? didYouMean(given, values.map(String)) : '';
  return match === '' ? '' : `.${match}`;
}

/** Of a choice between forms, the faults of the form that came closest: those that lie deepest, of them the fewest. */
function unionFaults(issue: z.core.$ZodIssueInvalidUnion, keys: Keys, context: Context): Fault[] {
  // Forms that are told apart by one key, which has none of their values.
  const values = 'options' in issue ? issue.options : undefined;
  if (values) {
    const told: z.core.$ZodIssueInvalidValue = {
      code: 'invalid_value',
      values,
      path: issue.path,
      message: issue.message,
    };
    return faultsOf(told, context);
  }
  const branches = issue.errors.map((issues) => {
    const inner = issues
      .slice(0, MOST_FAULTS)
      .map((issue) => ({ ...issue, path: [...keys, ...issue.path] }) as z.core.$ZodIssue);
    return firstFaults(inner, context);
  });
  const depthOf = (faults: readonly Fault[]) => Math.min(...faults.map(({ depth }) => depth));
  const closest = [...branches].sort((a, b) => depthOf(b) - depthOf(a) || a.length - b.length)[0];
  const missing = context.source.document.getIn(keys) === undefined;
  const message = `'${shown(keys)}' ${missing ? 'is missing' : issueText(issue)}`;
  return closest ?? [{ message, place: placeOf(keys, context), depth: keys.length, isMissing: missing }];
}

interface SchemaNode {
  readonly shape?: Record<string, unknown>;
  readonly def?: { innerType?: unknown; element?: unknown; options?: readonly unknown[] };
}

/** Keys the schema knows at a path, for the nearest match. */
function knownKeys(schema: unknown, path: readonly (string | number)[]): string[] {
  let node = schema;
  for (const part of path) node = typeof part === 'number' ? elementOf(node) : shapeOf(node)?.[part];
  return Object.keys(shapeOf(node) ?? {});
}

function elementOf(schema: unknown): unknown {
  const { def } = (schema ?? {}) as SchemaNode;
  return def?.element ?? (def?.innerType ? elementOf(def.innerType) : undefined);
}

/** Keys of an object; of a choice between objects, those of all of them. */
function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  const { shape, def } = (schema ?? {}) as SchemaNode;
  if (def?.options) return Object.assign({}, ...def.options.map((option) => shapeOf(option) ?? {}));
  return shape ?? (def?.innerType ? shapeOf(def.innerType) : undefined);
}
