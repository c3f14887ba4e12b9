import type { JsonValue } from '../../job/definition.ts';
import type { PythonDefinition } from '../../job/python.ts';
import type { TaskOrder } from '../executor/messages.ts';
import type { PythonTask, Welcome } from './messages.ts';

/** What a script is told of its job before its first task. */
export function welcomeOf(job: string, site: string, python: PythonDefinition): Welcome {
  const { framework, transferType, launchOnce, dtypes } = python;
  return {
    type: 'welcome',
    job_id: job,
    site_name: site,
    exchange: { format: framework, transfer_type: transferType, launch_once: launchOnce, dtypes },
  };
}

/** A task in nvflare's words: rounds from 0, `validate` for what scores a model. */
export function pythonTask({ task, output }: TaskOrder): PythonTask {
  const { task: name, about, form, currentRound, totalRounds, rule } = task.context;
  const trains = form.answer.model !== undefined;
  const meta: Record<string, JsonValue> = rule?.kind === 'fedprox' ? { fedprox_mu: rule.mu } : {};
  return {
    type: 'task',
    id: [name, currentRound, ...(about === undefined ? [] : [about])].join('/'),
    name: trains ? 'train' : 'validate',
    round: currentRound - 1,
    start_round: 0,
    total_rounds: totalRounds,
    model: task.inputs.model ?? '',
    result: trains ? (output.files.model ?? '') : null,
    control:
      trains && rule?.kind === 'scaffold'
        ? { received: task.inputs.control ?? null, result: output.files.control ?? '' }
        : null,
    meta,
  };
}
