import { readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { flError } from '../../../base/errors/errors.ts';
import { hasBinding } from '../eager/tensorflow-package.ts';
import type { Recipe } from './recipe.ts';
import { runProcess } from './run-process.ts';

const REPORT_MS = 10_000;

/**
 * Lets the package download its native library and its binding with its own install script, which is not run when
 * dependencies are installed.
 *
 * @throws the recipe NF_ENGINE_INSTALL_DOWNLOAD
 */
export function downloadParts(packageName: string): Recipe {
  return async ({ staged, signal, tell }) => {
    tell("Downloading TensorFlow's native library (some hundred MB) ...");
    const kind = packageName.endsWith('-gpu') ? 'gpu' : 'cpu';
    const watch = setInterval(() => void reportSize(staged, tell), REPORT_MS);
    try {
      const script = ['scripts/install.js', kind, 'download'];
      const { code, output } = await runProcess(process.execPath, script, {
        cwd: staged,
        env: { PATH: searchPath(staged) },
        signal,
      });
      if (code === 0 && hasBinding(staged)) return;
      throw flError('NF_ENGINE_INSTALL_DOWNLOAD', { reason: reasonIn(output) }, { cause: output });
    } finally {
      clearInterval(watch);
    }
  };
}

/** The script calls node-pre-gyp by name, and that calls node. */
function searchPath(staged: string): string {
  const preGyp = createRequire(join(staged, 'package.json')).resolve('@mapbox/node-pre-gyp/package.json');
  const folders = [dirname(process.execPath), join(dirname(preGyp), 'bin'), process.env.PATH ?? ''];
  return folders.join(delimiter);
}

async function reportSize(staged: string, tell: (line: string) => void): Promise<void> {
  const folder = join(staged, 'deps');
  const names = await readdir(folder, { recursive: true }).catch((): string[] => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  tell(`  ${Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1e6)} MB unpacked`);
}

/** The first error in a script's output, without the stack that follows. */
function reasonIn(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  const error = lines.map((line) => /(?:^|\s)\w*Error: (.*)/.exec(line)?.[1]).find(Boolean);
  return error ?? lines.findLast((line) => line !== '') ?? 'its script ended without a word';
}
