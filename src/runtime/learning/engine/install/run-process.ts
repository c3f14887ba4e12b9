import { type ChildProcess, spawn } from 'node:child_process';

export interface ProcessOptions {
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface ProcessResult {
  /** Undefined if a signal ended the process. */
  readonly code: number | undefined;
  readonly stdout: string;
  /** Both streams as they came, for people; the last part of very long ones. */
  readonly output: string;
}

const OUTPUT_LIMIT = 1_000_000;

/**
 * Runs a program to its end. Aborting ends it with everything it started (a compiler below make), then throws the
 * signal's reason.
 */
export async function runProcess(
  command: string,
  args: readonly string[],
  { cwd, env, signal }: ProcessOptions,
): Promise<ProcessResult> {
  signal.throwIfAborted();
  // A process group of its own can be ended as a whole; Windows has none.
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  });
  const end = () => endGroup(child);
  signal.addEventListener('abort', end);
  try {
    return await outcome(child);
  } finally {
    signal.removeEventListener('abort', end);
    signal.throwIfAborted();
  }
}

function outcome(child: ChildProcess): Promise<ProcessResult> {
  let stdout = '';
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    output = (output + text).slice(-OUTPUT_LIMIT);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-OUTPUT_LIMIT);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? undefined, stdout, output }));
  });
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill();
    else process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
