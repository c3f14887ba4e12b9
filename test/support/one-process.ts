import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type CliOptions, type CliResult, ownEnvironment, withJson } from './cli.ts';
import type { HostedCommand } from './command-host.ts';

const HOST = fileURLToPath(new URL('command-host.ts', import.meta.url));

/** For all tests of a file: what a command loads is loaded once. It ends with the process of the file. */
let host: Promise<ChildProcess> | undefined;
let last: Promise<unknown> = Promise.resolve();

/**
 * The command line as `cli.ts` runs it, in a process that runs one command after another: for rows of a table, where a process for each
 * would spend most of its time on loading the same code. What is asked of a process (signals, pipes, what it leaves running) is asked there.
 */
export function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const result = last.then(() => runOne({ args, cwd: options.cwd, env: ownEnvironment(options.env) }));
  last = result.catch(() => undefined);
  return result;
}

/** `runCli` with `--json`. */
export const runJson = withJson(runCli);

async function runOne(command: HostedCommand): Promise<CliResult> {
  host ??= startHost();
  const child = await host;
  const { promise, resolve, reject } = Promise.withResolvers<CliResult>();
  const ended = () => reject(new Error(`'${command.args.join(' ')}' ended the process of all commands`));
  child.once('message', (result) => resolve(result as CliResult)).once('exit', ended);
  child.send(command);
  try {
    return await promise;
  } catch (error) {
    host = undefined;
    throw error;
  } finally {
    child.removeAllListeners('message').off('exit', ended);
  }
}

async function startHost(): Promise<ChildProcess> {
  const child = fork(HOST, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  await once(child, 'message');
  // Nothing waits for it: where this process ends, its channel closes, and so does it.
  child.unref();
  child.channel?.unref();
  return child;
}
