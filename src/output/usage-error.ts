import { type Command, Errors } from '@oclif/core';
import { flError, type NeuroflareError } from '../runtime/base/errors/errors.ts';
import { didYouMean } from '../runtime/base/text/nearest.ts';

/** What oclif says of wrong arguments, as a catalogue error with the nearest flag; undefined for every other failure. */
export function usageError(thrown: Error, command: typeof Command): NeuroflareError | undefined {
  if (!(thrown instanceof Errors.CLIError)) return undefined;
  const message = thrown.message
    .replace(/\s*See more help with --help\s*$/, '')
    .replace(/\s*Note: --\S+ allows multiple values[\s\S]*$/, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .replace(/^Missing (\d+) required args?:\n([\s\S]*)$/, missingArguments)
    .replace(/\s+/g, ' ')
    .replace(/Parsing (--\S+) Expected/g, '$1: expected')
    .trim();
  const unknownFlag = /^Nonexistent flag: --?(\S+)/.exec(message)?.[1];
  const flags = Object.keys({ ...command.baseFlags, ...command.flags });
  const hint = unknownFlag === undefined ? '' : didYouMean(unknownFlag, flags).replace(/'(.*)'/, "'--$1'");
  return flError('NF_USAGE', { message: `${message}.${hint}`.replace(/\.\./, '.') }, { cause: thrown });
}

/** oclif lists them on lines of their own, name and description in columns. */
function missingArguments(_all: string, count: string, list: string): string {
  const lines = list.split('\n').filter((line) => /^\w/.test(line));
  const items = lines.map((line) =>
    line.replace(/^(\S+)\s+(.*)$/, (_, name: string, what: string) => `${name.toUpperCase()} (${what})`),
  );
  return `Missing ${count === '1' ? 'argument' : 'arguments'}: ${items.join(', ')}`;
}
