import { chdir, env as environment, exit, stderr, stdout } from 'node:process';
import type { CliResult } from './cli.ts';

/**
 * A process that has loaded the built command line and runs one command after another, each with its own folder and environment, as
 * `bin/run.js` runs one. Entry of a child process; `one-process.ts` starts it.
 */

export interface HostedCommand {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

const root = new URL('../../', import.meta.url);
const { runCommand }: { runCommand: (words: readonly string[], root: URL) => Promise<void> } = await import(
  new URL('dist/main.js', root).href
);

const output = { stdout: '', stderr: '' };
for (const [name, stream] of Object.entries({ stdout, stderr }) as ['stdout' | 'stderr', typeof stdout][])
  stream.write = (text: string | Uint8Array, ...rest: unknown[]) => {
    output[name] += typeof text === 'string' ? text : Buffer.from(text).toString();
    const written = rest.at(-1);
    if (typeof written === 'function') queueMicrotask(() => written());
    return true;
  };

async function run({ args, cwd, env }: HostedCommand): Promise<CliResult> {
  for (const name of Object.keys(environment)) delete environment[name];
  Object.assign(environment, env);
  chdir(cwd);
  Object.assign(output, { stdout: '', stderr: '' });
  process.exitCode = undefined;
  await runCommand(args, root);
  const code = Number(process.exitCode ?? 0);
  process.exitCode = undefined;
  chdir('/');
  return { code, ...output };
}

process.on('message', async (command: HostedCommand) => void process.send?.(await run(command)));
process.on('disconnect', () => exit(0));
process.send?.('ready');
