import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

export interface Terminal {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs the command line in a pseudo-terminal of its own (`script`, Linux) and types Ctrl-C there once it has shown `shown`. What the screen
 * got, with `code N` at its end.
 */
export function interruptInTerminal(
  words: string,
  shown: string,
  { cwd, env = {} }: Terminal,
): Promise<string> {
  const command = `"${process.execPath}" "${RUN}" ${words}`;
  // Ctrl-C reaches the shell, too; without a trap some shells end before they tell the code.
  const run = `trap : INT; ${command}; echo "code $?"`;
  const child = spawn('script', ['-qfec', run, '/dev/null'], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let screen = '';
  let typed = false;
  return new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
      if (typed || !screen.includes(shown)) return;
      typed = true;
      child.stdin.write('\u0003');
    });
    child.on('error', reject);
    child.on('close', () => resolve(screen));
  });
}
