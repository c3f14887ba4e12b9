import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

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
  process.exitCode = await handOver(newer);
}

/** Runs this command line under another Node; resolves to its exit code. */
function handOver(node) {
  const script = fileURLToPath(new URL('run.js', import.meta.url));
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C at a terminal reaches the child by itself, and a second one would end it at once; `kill` reaches this one only.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    child.on('error', () => resolve(5));
    child.on('exit', (code, signal) => resolve(signal ? 128 + constants.signals[signal] : (code ?? 5)));
  });
}

/**
 * What comes in over TLS comes in buffers of 16 KB outside V8's heap, whose objects in it are small: with the usual young generation
 * 64 MB of dead buffers gather between two collections of it, and each time all of the heap is searched for them. In one that does
 * not grow they are found soon: a fifth less time for a round with a large model, a third less memory. It has to be said before the
 * code is loaded, for which it grows. Whoever starts Node.js with a size of their own has it.
 */
function keepYoungGenerationSmall() {
  if (/semi-space/.test(`${process.env.NODE_OPTIONS} ${process.execArgv}`)) return;
  setFlagsFromString('--semi-space-growth-factor=1');
}

const SERVES = /^(server|client)[ :]start\b/;

async function runCli() {
  if (SERVES.test(process.argv.slice(2, 4).join(' '))) keepYoungGenerationSmall();
  // A reader that goes away (`| head`) must not end a run that others wait for.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (error.code === 'EPIPE') return;
      const code = error.code === 'ENOSPC' ? 'NF_DISK_FULL' : 'NF_PATH_UNUSABLE';
      if (stream !== process.stderr)
        process.stderr.write(`Error: The output cannot be written: ${error.message}.\n  code: ${code}\n`);
      process.exit(1);
    });
  }
  nodeModule.enableCompileCache?.();
  // A clone has it only once it was built.
  if (!existsSync(new URL('../dist/main.js', import.meta.url))) {
    process.stderr.write(
      'Error: neuroflare is not built here.\n' +
        '  next: Run `npm install` and `npm run build` in the folder of neuroflare.\n' +
        '  code: NF_NOT_BUILT\n',
    );
    process.exitCode = 4;
    return;
  }
  const { runCommand } = await import('../dist/main.js');
  await runCommand(process.argv.slice(2), new URL('..', import.meta.url));
}
