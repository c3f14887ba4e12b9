import type { z } from 'zod';

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys and values',
  record: 'a map of names and values',
  null: 'empty',
  undefined: 'nothing',
  NaN: 'no number',
};

/** A fault that a schema found, in words that follow the name of what is at fault: `must be at least 1`. */
export function issueText(issue: z.core.$ZodIssue): string {
  if (hasOwnWords(issue)) return issue.message;
  if (issue.code === 'invalid_type') return `must be ${kindOf(issue.expected)}${received(issue)}`;
  if (issue.code === 'invalid_value') return `must be ${oneOf(issue.values)}`;
  // Forms that are told apart by one key.
  if (issue.code === 'invalid_union' && 'options' in issue && issue.options)
    return `must be ${oneOf(issue.options)}`;
  if (issue.code === 'not_multiple_of') return `must be a multiple of ${issue.divisor}`;
  if (issue.code === 'too_small') return bound(issue, Number(issue.minimum), issue.inclusive ? LEAST : ABOVE);
  if (issue.code === 'too_big') return bound(issue, Number(issue.maximum), issue.inclusive ? MOST : BELOW);
  return issue.message.replace(/^Invalid \w+: /, '').replace(/^Invalid input$/, 'cannot be used');
}

/** A schema's own words are better than any made of its parts. */
export function hasOwnWords({ message }: z.core.$ZodIssue): boolean {
  return !/^(Invalid|Too (small|big))\b/.test(message);
}

/** The first fault that a schema found, with the key it is at: `sites.0.seed must be a number`. `whole`: what is named where it is at no key. */
export function firstFault({ issues: [first] }: z.core.$ZodError, whole = 'it'): string {
  if (!first) return `${whole} cannot be used`;
  return `${first.path.map(String).join('.') || whole} ${issueText(first)}`;
}

const LEAST = 'at least';
const MOST = 'at most';
const ABOVE = 'more than';
const BELOW = 'less than';

/** Numbers are bounded themselves, texts and lists in what they hold. */
function bound({ origin }: { readonly origin: string }, limit: number, words: string): string {
  if (origin !== 'string' && origin !== 'array' && origin !== 'set') return `must be ${words} ${limit}`;
  if (words === LEAST && limit === 1) return 'must not be empty';
  const unit = origin === 'string' ? ['character', 'characters'] : ['entry', 'entries'];
  return `must have ${words} ${limit} ${limit === 1 ? unit[0] : unit[1]}`;
}

function kindOf(name: string): string {
  return KINDS[name] ?? name;
}

/** A number that is not whole is a number, too: that it was one says nothing. */
function received({ message, expected }: z.core.$ZodIssueInvalidType): string {
  const expectsNumber = expected === 'int' || expected === 'number';
  const kind = /received (\w+)/.exec(message)?.[1];
  return kind === undefined || (kind === 'number' && expectsNumber) ? '' : `, not ${kindOf(kind)}`;
}

function oneOf(values: readonly unknown[]): string {
  const shown = values.map((value) => JSON.stringify(value));
  return shown.length === 1 ? String(shown[0]) : `one of ${shown.join(', ')}`;
}
