import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const OLDEST = [22, 19];

/** Runs the CLI, under a newer Node than this one if this one is too old. */
export async function main() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return runCli();
  const newer = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
  if (!existsSync(newer)) {
    process.stderr.write(
      `Error: neuroflare needs Node.js ${OLDEST.join('.')} or newer; this is ${process.versions.node}.\n` +
        '  next: Install a current Node.js, or run `npm install node@24` beside neuroflare.\n' +
        '  code: NF_NODE_TOO_OLD\n',
    );
    process.exitCode = 4;
    return;
  }
  // Ctrl-C reaches the whole process group: this launcher waits for the child, which decides how to end.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined);
  const child = spawnSync(
    newer,
    [fileURLToPath(new URL('run.js', import.meta.url)), ...process.argv.slice(2)],
    {
      stdio: 'inherit',
    },
  );
  process.exitCode = child.signal ? 128 + constants.signals[child.signal] : (child.status ?? 5);
}

async function runCli() {
  nodeModule.enableCompileCache?.();
  const { runCommand } = await import('../dist/main.js');
  await runCommand(process.argv.slice(2), new URL('..', import.meta.url));
}
