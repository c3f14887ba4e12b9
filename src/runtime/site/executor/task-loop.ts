import { AsyncLocalStorage } from 'node:async_hooks';
import { Console } from 'node:console';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { toNeuroflareError } from '../../base/errors/errors.ts';
import { writeFileHashed } from '../../base/files/files.ts';
import { counted } from '../../base/text/counted.ts';
import { nativeCall } from '../../base/threads/native-gate.ts';
import { keepFeaturesIn } from '../../learning/backbone/feature-store.ts';
import type { Engine } from '../../learning/engine/engine.ts';
import { releaseTrainers } from '../../learning/trainer/model-pool.ts';
import { onTrainProgress, setEngine } from '../../learning/trainer/settings.ts';
import { fitReport } from '../../network/messages/fit-report.ts';
import type { EngineUse } from '../../run/events.ts';
import { needOfProcess, releasePackages } from '../script/resolve-hooks.ts';
import { scriptFailure } from '../script/script-error.ts';
import { runScript } from '../script/script-runner.ts';
import { ours, tracesLeft } from '../script/traces.ts';
import type { EngineSetup, TaskMessage, TaskOrder } from './messages.ts';

/** The task at hand; what a script left behind when its task had ended belongs to an earlier one. */
let order: TaskOrder | undefined;
/** Tells whose code it is that throws or prints in a timer or a promise. */
const owner = new AsyncLocalStorage<TaskOrder>();
let engineUse: EngineUse | undefined;
let post: (message: TaskMessage) => void;
let signed: string | undefined;
/** Characters of a message of what is printed. */
const PRINTED = 100_000;
/** Names of what a script left behind. */
const MOST_TRACES = 100;

/**
 * Makes this thread or process run scripts, one task after another: what they send is put on disk, what they print, how far
 * they are and why they failed is told through `tell`. Returns what takes the next order.
 *
 * @param sign for answers after which nothing of the script is left
 */
export function startTaskLoop(
  engine: EngineSetup,
  tell: (message: TaskMessage) => void,
  sign?: string,
): (order: TaskOrder) => void {
  post = tell;
  signed = sign;
  // The line of the script that failed stands below those of all that it called.
  Error.stackTraceLimit = 50;
  captureOutput();
  setEngine(() => startEngine(engine));
  onTrainProgress(({ done, total }) => post({ type: 'progress', done, total }));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  return (next) => void run(next);
}

async function run(next: TaskOrder): Promise<void> {
  order = next;
  const { home, features } = next;
  keepFeaturesIn(features);
  if (home !== undefined && isMainThread) ours(() => moveTo(home));
  const answer = await answerTo(next);
  // A file that was read is open until the turn ends in which its reader went on: a script that ended in that turn has left nothing.
  await nextTurn();
  order = undefined;
  releaseTrainers();
  const left = tracesLeft();
  const kept = releasePackages();
  const isClean = left.length + kept.length === 0;
  if (!isClean) post({ type: 'left', traces: kept.concat(left).slice(0, MOST_TRACES) });
  // What a script has exchanged would see the sign.
  post(isClean && answer.type === 'result' ? { ...answer, sign: signed } : answer);
}

/** Where relative paths of the script, and temporary files, belong to its site. */
function moveTo(home: string): void {
  const temporary = join(home, 'tmp');
  mkdirSync(temporary, { recursive: true });
  process.chdir(home);
  process.env.TMPDIR = temporary;
}

async function answerTo(next: TaskOrder): Promise<TaskMessage> {
  const { site, currentRound: round } = next.task.context;
  try {
    const outcome = await owner.run(next, () => runScript(next.task, () => post({ type: 'started' })));
    const need = needOfProcess();
    if (need !== undefined) return { type: 'needs-process', what: need };
    if ('failure' in outcome) return { type: 'failure', error: fitReport(outcome.failure) };
    const { files: sent, state, ...figures } = outcome.result;
    const { output } = next;
    // Durable before it is told: who hears of a result may acknowledge it at once.
    const files: Record<string, string> = {};
    for (const [name, bytes] of Object.entries(sent))
      files[name] = await writeFileHashed(output.files[name] ?? '', bytes);
    const kept = state && { state: await writeFileHashed(output.state, state) };
    return {
      type: 'result',
      result: { ...figures, files, ...kept, ...(engineUse && { engine: engineUse }) },
    };
  } catch (error) {
    return { type: 'failure', error: { ...toNeuroflareError(error).report(), place: { site, round } } };
  }
}

/** Made when a script first compiles a model: a job without tensors loads no engine. */
async function startEngine({ choice, ...wish }: EngineSetup): Promise<Engine> {
  const { createEngine } = await import('../../learning/engine/registry.ts');
  // Looking for an engine loads native libraries.
  const { engine } = await ours(() => nativeCall(() => createEngine(choice, wish)));
  const { name, device, library, version, build, threads, reason } = engine.describe();
  const detail = `${counted(threads, 'thread')} a site; ${reason}`;
  engineUse = { name, device, library: `${library} ${version} ${build}`, detail };
  return engine;
}

/**
 * An error outside the script's own flow (a timer, a promise nobody awaits) fails the task at hand. One that a script
 * left behind when its task had ended says nothing about the task of another site.
 */
function fail(thrown: unknown): void {
  if (!isPresent()) return;
  if (!order) throw thrown;
  const { code, context } = order.task;
  post({
    type: 'failure',
    error: fitReport(scriptFailure(thrown, code, { site: context.site, round: context.currentRound })),
  });
}

/** Whether the code that runs was started by the task at hand, as far as that can be told. */
function isPresent(): boolean {
  const started = owner.getStore();
  return started === undefined || started === order;
}

/** A message holds so much: what is printed at once may be longer. */
function log(text: string): void {
  for (let start = 0; start < text.length; start += PRINTED)
    post({ type: 'log', text: text.slice(start, start + PRINTED) });
}

/** What scripts print goes to the log of their site. */
function captureOutput(): void {
  const sink = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      if (isPresent()) log(chunk.toString());
      done();
    },
  });
  globalThis.console = new Console({ stdout: sink, stderr: sink });
  process.stdout.write = sink.write.bind(sink) as typeof process.stdout.write;
  process.stderr.write = sink.write.bind(sink) as typeof process.stderr.write;
}
