import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

export interface CliResult {
  /** Undefined if a signal ended the process. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface StartOptions extends CliOptions {
  /** Default: nothing to read. */
  readonly stdin?: 'ignore' | 'pipe';
}

/** A running CLI: `done` settles when it has ended, `sees` when stderr holds a text, `says` with what of stdout fits. */
export interface RunningCli {
  readonly child: ChildProcess;
  readonly done: Promise<CliResult>;
  sees(text: string): Promise<void>;
  says(pattern: RegExp): Promise<string>;
}

/** The built command line (`npm test` builds before it tests), with arguments, to its end. */
export function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  return startCli(args, options).done;
}

/** `runCli` with `--json`. */
export const runJson = withJson(runCli);

/** As `run` with `--json`; `answer` is the envelope on stdout. */
export function withJson(run: typeof runCli) {
  return async (args: readonly string[], options: CliOptions) => {
    const result = await run([...args, '--json'], options);
    return { ...result, answer: JSON.parse(result.stdout) as JsonAnswer };
  };
}

export interface JsonAnswer {
  readonly schema_version: string;
  readonly status: 'ok' | 'failed' | 'error';
  readonly exit_code: number;
  readonly data?: unknown;
  readonly error_code?: string;
  readonly message?: string;
  readonly hint?: string;
  readonly location?: Readonly<Record<string, unknown>>;
}

/** That of this process, without what is meant for it alone. */
export function ownEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  return { ...Object.fromEntries(inherited), NODE_OPTIONS: '', NEUROFLARE_DEBUG: '', ...more };
}

export function startCli(args: readonly string[], { cwd, env, stdin = 'ignore' }: StartOptions): RunningCli {
  const child = spawn(process.execPath, [RUN, ...args], {
    cwd,
    env: ownEnvironment(env),
    stdio: [stdin, 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const done = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? undefined, ...output }));
  });
  return {
    child,
    done,
    sees: (text) => seen(child, () => output.stderr.includes(text), text),
    says: async (pattern) => {
      await seen(child, () => pattern.test(output.stdout), String(pattern));
      return pattern.exec(output.stdout)?.[0] ?? '';
    },
  };
}

function seen(child: ChildProcess, holds: () => boolean, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = () => holds() && resolve();
    child.stdout?.on('data', check);
    child.stderr?.on('data', check);
    child.on('close', () => reject(new Error(`ended without saying '${text}'`)));
    check();
  });
}
