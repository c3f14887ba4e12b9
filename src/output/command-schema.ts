import type { Interfaces } from '@oclif/core';
import { z } from 'zod';
import type { BaseCommand } from '../command.ts';

/** A command's arguments, flags and result as one JSON document, for scripts that drive the tool. */
export function commandSchema(command: typeof BaseCommand): object {
  const flags: Interfaces.FlagInput = { ...command.baseFlags, ...command.flags };
  return {
    schema_version: '1',
    command: `neuroflare ${command.id.replaceAll(':', ' ')}`,
    description: command.summary ?? command.description ?? '',
    args: [
      ...Object.values(command.args).map((arg) => ({
        name: arg.name,
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
