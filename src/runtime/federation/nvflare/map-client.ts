import { posix } from 'node:path';
import type { JsonValue } from '../../job/definition.ts';
import { wordsOf } from '../../job/script-args.ts';
import { refuseFilter } from './map-server.ts';
import type { ClientConfig, Part } from './read-folder.ts';
import { type Findings, shortName } from './refusals.ts';

/** What one app of sites has under `executor`. */
export interface MappedClient {
  /** From the folder of the app's code. */
  readonly script: string;
  readonly args: readonly string[];
  readonly keys: Readonly<Record<string, JsonValue>>;
}

const FORMATS: Readonly<Record<string, string>> = {
  numpy: 'numpy',
  pytorch: 'pytorch',
  keras_layer_weights: 'tensorflow',
  raw: 'raw',
};
/** How long things are waited for, and what is cleared between rounds. */
const HARMLESS = [
  'launch_timeout',
  'shutdown_timeout',
  'stop_grace_period',
  'heartbeat_interval',
  'heartbeat_timeout',
  'task_wait_timeout',
  'result_wait_timeout',
  'train_with_evaluation',
  'server_expected_format',
  'memory_gc_rounds',
  'cuda_empty_cache',
  'allow_reconnect',
];
const READ = [
  'execution_mode',
  'command',
  'task_script_path',
  'task_script_args',
  'launch_once',
  'params_exchange_format',
  'params_transfer_type',
  'train_task_name',
  'evaluate_task_name',
  'submit_model_task_name',
];
const NAMES: Readonly<Record<string, string>> = {
  train_task_name: 'train',
  evaluate_task_name: 'validate',
  submit_model_task_name: 'submit_model',
};

/** Undefined where it was refused. @param place the sites, for people */
export function mapClient(config: ClientConfig, place: string, findings: Findings): MappedClient | undefined {
  for (const { filters } of [...config.task_data_filters, ...config.task_result_filters])
    for (const { path } of filters) refuseFilter(path, place, findings);
  for (const { path } of config.components)
    if (shortName(path) === 'JobLogStreamer')
      findings.notes.push(
        'JobLogStreamer: what scripts print goes to the server where the policy of their site says send_logs: true',
      );
    else if (shortName(path) !== 'ConvertToFedEvent')
      findings.refuse(shortName(path), place, 'this component is not known here');
  let mapped: MappedClient | undefined;
  for (const { tasks, executor } of config.executors) {
    const name = shortName(executor.path);
    if (name === 'ClientAPIExecutor') mapped = clientApi(executor, place, findings);
    else if (name === 'NPValidator' && tasks.every((task) => task === 'validate'))
      findings.notes.push(
        'NPValidator is not run: the script itself is asked to score models (is_evaluate())',
      );
    else findings.refuse(name, place, 'it is another executor than that of the Client API');
  }
  return mapped;
}

function clientApi(executor: Part, place: string, findings: Findings): MappedClient | undefined {
  findings.requireKnown(executor, place, { read: READ, harmless: HARMLESS });
  const { args } = executor;
  const refuse = (key: string, why: string) => findings.refuse(`ClientAPIExecutor(${key})`, place, why);
  for (const [key, usual] of Object.entries(NAMES))
    if (args[key] !== undefined && args[key] !== usual) refuse(key, `the task is named ${usual}`);
  if (args.execution_mode === 'attach')
    refuse('execution_mode', 'the process of a script is started here, at each site');
  const {
    params_exchange_format: format = 'raw',
    params_transfer_type: transfer = 'FULL',
    launch_once: once,
  } = args;
  const framework = typeof format === 'string' ? FORMATS[format] : undefined;
  if (framework === undefined)
    refuse('params_exchange_format', `${JSON.stringify(format)} is not known here`);
  const run: Run | string =
    args.execution_mode === 'external_process' ? ofCommand(args.command) : ofScript(args);
  if (typeof run === 'string') {
    refuse(args.execution_mode === 'external_process' ? 'command' : 'task_script_path', run);
    return undefined;
  }
  const { processes, ...script } = run;
  const keys = {
    ...(processes !== undefined && processes > 1 && { processes }),
    ...(framework !== undefined && { framework }),
    ...(transfer === 'DIFF' && { params_transfer_type: 'DIFF' }),
    ...(once === false && { launch_once: false }),
  };
  return { ...script, keys };
}

type Run = Pick<MappedClient, 'script' | 'args'> & { readonly processes?: number };

function ofScript({ task_script_path: path, task_script_args: given = '' }: Part['args']): Run | string {
  if (typeof path !== 'string' || !path.endsWith('.py')) return 'it names no script in Python';
  const args = typeof given === 'string' ? wordsOf(given) : undefined;
  return args ? { script: plain(path), args } : 'its arguments have a quote without an end';
}

/** `python3 -u custom/client.py --lr 0.1`: the interpreter is the choice of the site. */
function ofCommand(command: JsonValue | undefined): Run | string {
  const words = typeof command === 'string' ? wordsOf(command) : command;
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string'))
    return 'it is no command line';
  const [program = '', ...rest] = words as string[];
  if (posix.basename(program) === 'torchrun') return ofLauncher(rest);
  if (!/^python[\d.]*$/.test(posix.basename(program)))
    return `a job names no program (${program}); a site names its Python`;
  const at = rest.findIndex((word) => word !== '-u');
  const script = rest[at] ?? '';
  if (script === '-m' && rest[at + 1] === 'torch.distributed.run') return ofLauncher(rest.slice(at + 2));
  if (script === '-m') return `a launcher (python -m ${rest[at + 1] ?? ''}) is not known here`;
  return script.endsWith('.py')
    ? { script: plain(script), args: rest.slice(at + 1) }
    : `${script || 'nothing'} is no script in Python`;
}

/** How the ranks find each other is no matter of the job: they are on one machine. */
const OF_ONE_MACHINE = /^--(nnodes=1|master[_-](port|addr)=\S+|standalone)$/;
const RANKS = /^--nproc[_-]per[_-]node=([1-9]\d*)$/;

/** `--nnodes=1 --nproc_per_node=2 --master_port=7777 custom/client.py --lr 0.1`: what follows torchrun. */
function ofLauncher(words: readonly string[]): Run | string {
  const at = words.findIndex((word) => word.endsWith('.py'));
  if (at === -1) return 'its launcher is given no script in Python';
  let processes = 1;
  for (const word of joinedFlags(words.slice(0, at))) {
    const [, ranks] = RANKS.exec(word) ?? [];
    if (ranks !== undefined) processes = Number(ranks);
    else if (!OF_ONE_MACHINE.test(word)) return `${word} of torchrun is not known here`;
  }
  return { script: plain(words[at] ?? ''), args: words.slice(at + 1), processes };
}

/** `--nnodes 1` as `--nnodes=1`. */
function joinedFlags(words: readonly string[]): string[] {
  const out: string[] = [];
  for (const word of words)
    if (word.startsWith('-')) out.push(word);
    else out.push(`${out.pop() ?? ''}=${word}`);
  return out;
}

function plain(path: string): string {
  return posix.normalize(path).replace(/^(app\/)?custom\//, '');
}
