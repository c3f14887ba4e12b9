import { type Command, Errors } from '@oclif/core';
import { flError, type NeuroflareError } from '../runtime/kernel/errors.ts';
import { didYouMean } from '../runtime/kernel/nearest.ts';

/** What oclif says of wrong arguments, as a catalogue error with the nearest flag; undefined for every other failure. */
export function usageError(thrown: Error, command: typeof Command): NeuroflareError | undefined {
  if (!(thrown instanceof Errors.CLIError)) return undefined;
  const message = thrown.message
    .replace(/\s*See more help with --help\s*$/, '')
    .replace(/\s*Note: --\S+ allows multiple values[\s\S]*$/, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .replace(/\s+/g, ' ')
    .trim();
  const unknownFlag = /^Nonexistent flag: --?(\S+)/.exec(message)?.[1];
  const flags = Object.keys({ ...command.baseFlags, ...command.flags });
  const hint = unknownFlag === undefined ? '' : didYouMean(unknownFlag, flags).replace(/'(.*)'/, "'--$1'");
  return flError('NF_USAGE', { message: `${message}.${hint}`.replace(/\.\./, '.') }, { cause: thrown });
}
