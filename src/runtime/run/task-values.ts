import type { TaskForm } from '../algorithms/task.ts';
import { flError } from '../base/errors/errors.ts';
import { counted } from '../base/text/counted.ts';
import { requireDeclared, requireSize } from './declared.ts';
import type { Values } from './events.ts';

/** Bytes that a value may have where its rule does not say: values stand in the run's log. */
const MOST_OF_VALUE = 16_000;

/**
 * The values of an answer are those that its task asks for, each of its size. Loads no schemas, for threads that run scripts look by it, too.
 * @throws NF_PAYLOAD_MISSING, NF_PAYLOAD_UNKNOWN, NF_PAYLOAD_FORM, NF_PAYLOAD_TOO_LARGE
 */
export function requireValues(values: Values, { values: wanted = {} }: TaskForm, task: string): void {
  requireDeclared(values, wanted, task);
  for (const [file, value] of Object.entries(values)) {
    const { most = MOST_OF_VALUE, number } = wanted[file] ?? {};
    const bytes = counted(most, 'byte');
    const text = textOf(value, most, () =>
      flError('NF_PAYLOAD_TOO_LARGE', { file, task, size: `more than ${bytes}`, most: bytes }),
    );
    if (text === undefined)
      throw flError('NF_PAYLOAD_FORM', { file, task, reason: `it is ${typeof value}, which is no JSON` });
    requireSize(Buffer.byteLength(text), { file, task, most });
    if (number && !isWithin(value, number))
      throw flError('NF_PAYLOAD_FORM', {
        file,
        task,
        reason: `it is no number from ${number.least} to ${number.most}`,
      });
  }
}

/**
 * A value as JSON. A script's may be no tree: a list that names one list a thousand times, and so on, would not end before it is written.
 * @param most bytes; each value in it has one at least
 */
function textOf(value: unknown, most: number, tooLarge: () => Error): string | undefined {
  let left = most;
  return JSON.stringify(value, (_key, one: unknown) => {
    left -= typeof one === 'string' || Array.isArray(one) ? one.length + 1 : 1;
    if (left < 0) throw tooLarge();
    return one;
  });
}

function isWithin(value: unknown, { least, most }: { least: number; most: number }): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}
