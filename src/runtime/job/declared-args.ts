import { z } from 'zod';
import { didYouMean } from '../base/text/nearest.ts';

/** What a script takes as `flare.args()`: whoever writes the script declares it, and each job made with it is held to it. */

const number = z.number();

const declaredArg = z
  .strictObject({
    type: z.enum(['number', 'integer', 'boolean', 'string', 'list']).describe('kind of value'),
    min: number.optional().describe('least number'),
    above: number.optional().describe('every number is more than this'),
    max: number.optional().describe('greatest number'),
    below: number.optional().describe('every number is less than this'),
    choices: z
      .array(z.union([z.string(), number]))
      .optional()
      .describe('the only values'),
    default: z
      .json()
      .optional()
      .describe('what the script gets where the job gives nothing; else the job must give it'),
    description: z.string().optional(),
  })
  .superRefine((arg, context) => {
    if (arg.default === undefined) return;
    const fault = faultOf(arg.default, arg);
    if (fault) context.addIssue({ code: 'custom', path: ['default'], message: fault });
  });

export const declaredArgs = z
  .record(z.string(), declaredArg)
  .describe(
    'the arguments that the script takes, each with its `type` (number, integer, boolean, string, list) and where wanted `min`, `above`, `max`, `below`, `choices`, `default`, `description`: other names and values are refused. Without it anything goes',
  );

type DeclaredArg = z.output<typeof declaredArg>;
export type DeclaredArgs = z.output<typeof declaredArgs>;

export interface ArgFault {
  /** From the root of the job file. */
  readonly path: string[];
  readonly message: string;
}

interface GivenArgs {
  readonly executor: { readonly args: Args; readonly declared_args?: DeclaredArgs | undefined };
  readonly sites: Readonly<Record<string, { readonly args?: Args | undefined }>>;
}

type Args = Readonly<Record<string, unknown>>;

/** What a job gives its script against what the script declares; nothing if it declares nothing. */
export function argFaults({ executor: { args, declared_args: declared }, sites }: GivenArgs): ArgFault[] {
  if (declared === undefined) return [];
  const siteNames = Object.keys(sites);
  const missing = Object.entries(declared).filter(
    ([name, arg]) => arg.default === undefined && !Object.hasOwn(args, name),
  );
  return [
    ...faultsOfArgs(args, { declared, path: ['executor', 'args'] }),
    ...siteNames.flatMap((site) =>
      faultsOfArgs(sites[site]?.args ?? {}, { declared, path: ['sites', site, 'args'] }),
    ),
    ...missing.map(([name, arg]) => ({
      path: ['executor', 'args', name],
      message: `is missing: it must be ${wanted(arg)}`,
    })),
  ];
}

/** What the script gets where the job gives nothing. */
export function defaultArgs(
  declared: DeclaredArgs | undefined,
): Readonly<Record<string, z.core.util.JSONType>> {
  const entries = Object.entries(declared ?? {}).flatMap(([name, { default: value }]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}

function faultsOfArgs(
  args: Args,
  { declared, path }: { declared: DeclaredArgs; path: readonly string[] },
): ArgFault[] {
  const names = Object.keys(declared);
  return Object.entries(args).flatMap(([name, value]) => {
    const arg = Object.hasOwn(declared, name) ? declared[name] : undefined;
    const message = arg
      ? faultOf(value, arg)
      : `is not an argument of the script.${didYouMean(name, names) || ` It takes ${names.join(', ') || 'none'}.`}`.replace(
          /\.$/,
          '',
        );
    return message === undefined ? [] : [{ path: [...path, name], message }];
  });
}

function faultOf(value: unknown, arg: DeclaredArg): string | undefined {
  if (isOfType(value, arg.type) && isInRange(value, arg) && isChosen(value, arg)) return undefined;
  const quoted = typeof value === 'string' && (arg.type === 'number' || arg.type === 'integer');
  const inQuotes = quoted && value.trim() !== '' && Number.isFinite(Number(value)) ? ', without quotes' : '';
  const nearest = typeof value === 'string' ? didYouMean(value, (arg.choices ?? []).map(String)) : '';
  return `is ${JSON.stringify(value)}; it must be ${wanted(arg)}${inQuotes}${nearest && `.${nearest}`}`.replace(
    /\.$/,
    '',
  );
}

function isOfType(value: unknown, type: DeclaredArg['type']): boolean {
  if (type === 'list') return Array.isArray(value);
  if (type === 'integer') return Number.isSafeInteger(value);
  return typeof value === type && !(typeof value === 'number' && !Number.isFinite(value));
}

function isInRange(value: unknown, { min, above, max, below }: DeclaredArg): boolean {
  if (typeof value !== 'number') return true;
  return (
    (min === undefined || value >= min) &&
    (above === undefined || value > above) &&
    (max === undefined || value <= max) &&
    (below === undefined || value < below)
  );
}

function isChosen(value: unknown, { choices }: DeclaredArg): boolean {
  return choices === undefined || choices.some((choice) => choice === value);
}

const KINDS = {
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  string: 'a text',
  list: 'a list',
} as const;

/** `a whole number of at least 1`. */
function wanted({ type, min, above, max, below, choices }: DeclaredArg): string {
  if (choices) return `one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`;
  const bounds = [
    ...(min === undefined ? [] : [`at least ${min}`]),
    ...(above === undefined ? [] : [`more than ${above}`]),
    ...(max === undefined ? [] : [`at most ${max}`]),
    ...(below === undefined ? [] : [`less than ${below}`]),
  ];
  return KINDS[type] + (bounds.length > 0 ? ` of ${bounds.join(' and ')}` : '');
}
