import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { PACKAGE_ROOT } from '../../base/files/package-root.ts';
import { endTree, MARK, newMark } from '../../site/executor/end-tree.ts';
import { ownInterpreter } from '../../site/python/interpreter.ts';
import { PYTHON_FOLDER } from '../../site/python/python-executor.ts';

/** Stands in front of the package of nvflare that writes the job. */
const AUTHORING = join(PYTHON_FOLDER, 'authoring');

export interface JobScript {
  readonly script: string;
  readonly args: readonly string[];
  /** Whether stdout is for something else: what the script prints there goes to stderr. */
  readonly isQuiet: boolean;
  readonly signal: AbortSignal;
}

/**
 * Runs a script of nvflare that makes a job and simulates it (`recipe.execute(SimEnv(…))`, `job.simulator_run(…)`), in its own folder: the
 * package that is installed makes the job, and what simulates it is neuroflare.
 * @throws NF_PATH_MISSING, NF_PYTHON_MISSING, NF_PYTHON_JOB where it ends with another code than 0
 */
export async function runJobScript({ script, args, isQuiet, signal }: JobScript): Promise<void> {
  const path = resolve(script);
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) throw flError('NF_PATH_MISSING', { what: 'Job script', path }, { place: { file: path } });
  const interpreter = ownInterpreter();
  const mark = newMark();
  const { PYTHONPATH: before } = process.env;
  const child = spawn(interpreter, [path, ...args], {
    cwd: dirname(path),
    env: {
      ...process.env,
      PYTHONPATH: [AUTHORING, ...(before ? [before] : [])].join(delimiter),
      NEUROFLARE_COMMAND: JSON.stringify([process.execPath, join(PACKAGE_ROOT, 'bin', 'run.js')]),
      NEUROFLARE_PYTHON: interpreter,
      [MARK]: mark,
    },
    // Its own group, so that what it starts ends with it.
    detached: true,
    stdio: ['ignore', isQuiet ? 2 : 'inherit', 'inherit'],
  });
  const ended = once(child, 'exit', { signal });
  try {
    const [code] = await ended;
    if (code !== 0) throw flError('NF_PYTHON_JOB', { script, code: code ?? 1, interpreter });
  } catch (error) {
    // nvflare puts the simulator into a session of its own, where no signal of the terminal gets.
    await endTree(child, mark);
    signal.throwIfAborted();
    throw error;
  }
}
