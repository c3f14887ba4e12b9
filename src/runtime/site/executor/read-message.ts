import { z } from 'zod';
import { wordSchema } from '../../algorithms/task.ts';
import { flError, toNeuroflareError } from '../../base/errors/errors.ts';
import { checkExamples, checkFigures } from '../../base/logging/check-figures.ts';
import { cutReport, digest, engineUse } from '../../network/messages/shapes.ts';
import type { TaskMessage } from './messages.ts';

const resultMessage = z.object({
  files: z.record(wordSchema, digest),
  values: z.record(wordSchema, z.unknown()).optional(),
  state: digest.optional(),
  engine: engineUse.optional(),
  paramsType: z.enum(['FULL', 'DIFF']),
  numExamples: z.unknown(),
  metrics: z.unknown(),
});

const taskMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('started') }),
  z.object({ type: z.literal('log'), text: z.string() }),
  z.object({ type: z.literal('progress'), done: z.number(), total: z.number() }),
  z.object({ type: z.literal('result'), result: resultMessage, sign: z.string().optional() }),
  z.object({ type: z.literal('failure'), error: cutReport }),
  z.object({ type: z.literal('left'), traces: z.array(z.string()) }),
  z.object({ type: z.literal('needs-process'), what: z.string() }),
]);

/**
 * What the one that runs scripts says. A script can speak in its name, so nothing of it is believed before it has the form of a message;
 * what has not fails the task (NF_SCRIPT_MESSAGE, NF_RESULT_INVALID). Never throws.
 */
export function readMessage(said: unknown): TaskMessage {
  try {
    const { success, data, error } = taskMessage.safeParse(said);
    if (!success) return failed(said, z.prettifyError(error));
    return (data.type === 'result' ? { ...data, result: checkedResult(data.result) } : data) as TaskMessage;
  } catch (thrown) {
    const error = toNeuroflareError(thrown);
    // Else it is nested deeper than there is room for.
    return error.code.startsWith('NF_RESULT')
      ? { type: 'failure', error: error.report() }
      : failed(said, error.message);
  }
}

/** Numbers are held to what a script may send by the client API. */
function checkedResult(result: z.output<typeof resultMessage>) {
  const { numExamples, metrics } = result;
  return { ...result, numExamples: checkExamples(numExamples), metrics: checkFigures(metrics) };
}

function failed(said: unknown, reason: string): TaskMessage {
  const isResult = typeof said === 'object' && said !== null && Reflect.get(said, 'type') === 'result';
  const error = flError(isResult ? 'NF_RESULT_INVALID' : 'NF_SCRIPT_MESSAGE', { reason });
  return { type: 'failure', error: error.report() };
}
