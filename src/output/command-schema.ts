import type { Interfaces } from '@oclif/core';
import { z } from 'zod';

/** What is read of a command class. */
export interface DescribedCommand {
  readonly id: string;
  readonly summary?: string | undefined;
  readonly description?: string | undefined;
  readonly args: Interfaces.ArgInput;
  readonly flags: Interfaces.FlagInput;
  readonly baseFlags: Interfaces.FlagInput;
  readonly examples?: readonly unknown[] | undefined;
  readonly resultSchema: z.ZodType;
}

/** A command's arguments, flags and result as one JSON document, for scripts that drive the tool. */
export function commandSchema(command: DescribedCommand): object {
  const flags: Interfaces.FlagInput = { ...command.baseFlags, ...command.flags };
  return {
    schema_version: '1',
    command: `neuroflare ${command.id.replaceAll(':', ' ')}`,
    description: command.summary ?? command.description ?? '',
    args: [
      ...Object.entries(command.args).map(([name, arg]) => ({
        name,
        kind: 'positional',
        type: 'string',
        required: arg.required ?? false,
        description: arg.description ?? '',
      })),
      ...Object.entries(flags).map(([name, flag]) => ({
        name: `--${name}`,
        kind: 'flag',
        type: flag.type === 'boolean' ? 'boolean' : 'string',
        required: flag.required ?? false,
        ...('options' in flag && flag.options && { choices: flag.options }),
        description: flag.summary ?? flag.description ?? '',
      })),
    ],
    examples: command.examples ?? [],
    output_modes: ['txt', 'json', 'jsonl'],
    result: z.toJSONSchema(command.resultSchema, { io: 'output', unrepresentable: 'any' }),
  };
}
