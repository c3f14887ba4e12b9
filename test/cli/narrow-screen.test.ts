import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();

beforeAll(async () => {
  await runCli(['job', 'create', 'hello', '--template', 'hello-fedavg-numpy', '-q'], { cwd });
});

/** What a command writes to a terminal so many columns wide. */
function screenOf(words: string, columns: number): Promise<string> {
  const command = `stty cols ${columns}; "${process.execPath}" "${new URL('../../bin/run.js', import.meta.url).pathname}" ${words}`;
  const child = spawn('script', ['-qfec', command, '/dev/null'], {
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
  });
  return new Promise((resolve, reject) => child.on('error', reject).on('close', () => resolve(screen)));
}

describe.runIf(process.platform === 'linux')('a run on a narrow screen', () => {
  it.each([30, 44])('writes no line beyond column %i while the terminal breaks none', async (columns) => {
    const screen = await screenOf(`simulate hello --log-config full --workspace w${columns}`, columns);
    const unbroken = screen.slice(screen.indexOf('\u001b[?7l'), screen.lastIndexOf('\u001b[?7h'));
    const rows = unbroken
      .split(/[\r\n]|\u001b\[\d*[GAJ]/)
      .map((row) => stripVTControlCharacters(row).trimEnd());
    expect(rows.filter((row) => row.length > columns)).toEqual([]);
    const text = rows.join(' ').replace(/ +/g, ' ');
    expect(text).toMatch(/final model scored, accuracy of model \d+: \d\.\d{3} /);
  });
});
