import { flError } from '../base/errors/errors.ts';
import { counted } from '../base/text/counted.ts';
import type { Values } from './events.ts';
import type { TaskForm } from './task.ts';

/** Bytes that a value may have where its rule does not say: values stand in the run's log. */
const MOST_OF_VALUE = 16_000;

/**
 * The values of an answer are those that its task asks for, each of its size. Loads no schemas, for threads that run scripts look by it, too.
 * @throws NF_PAYLOAD_MISSING, NF_PAYLOAD_UNKNOWN, NF_PAYLOAD_FORM, NF_PAYLOAD_TOO_LARGE
 */
export function requireValues(values: Values, { values: wanted = {} }: TaskForm, task: string): void {
  for (const [file, { optional }] of Object.entries(wanted))
    if (!optional && values[file] === undefined) throw flError('NF_PAYLOAD_MISSING', { file, task });
  for (const [file, value] of Object.entries(values)) {
    const rule = Object.hasOwn(wanted, file) ? wanted[file] : undefined;
    if (!rule) throw flError('NF_PAYLOAD_UNKNOWN', { file, task });
    const text = JSON.stringify(value);
    if (text === undefined)
      throw flError('NF_PAYLOAD_FORM', { file, task, reason: `it is ${typeof value}, which is no JSON` });
    const size = Buffer.byteLength(text);
    const { most = MOST_OF_VALUE, number } = rule;
    if (size > most)
      throw flError('NF_PAYLOAD_TOO_LARGE', {
        file,
        task,
        size: counted(size, 'byte'),
        most: counted(most, 'byte'),
      });
    if (number && !isWithin(value, number))
      throw flError('NF_PAYLOAD_FORM', {
        file,
        task,
        reason: `it is no number from ${number.least} to ${number.most}`,
      });
  }
}

function isWithin(value: unknown, { least, most }: { least: number; most: number }): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}
