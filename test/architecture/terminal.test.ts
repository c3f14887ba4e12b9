import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../src');

/** Where a write to a terminal may stand, and why. */
const WRITERS: Readonly<Record<string, string>> = {
  'output/terminal.ts': 'shows texts of others so that nothing in them is obeyed',
  'output/table.ts': 'asks how wide the terminal is',
  'output/signals.ts': 'gives the terminal back as it was: a text of its own',
  'output/run-view.ts': 'bars: names of sites, which are plain, and lines that were made printable',
  'output/progress-view.ts': 'bars: a word of its own and numbers',
  'output/confirm.ts': 'a question that was made printable',
  'runtime/base/logging/log-file.ts': 'a path of its own',
  'runtime/site/executor/task-loop.ts': 'takes the place of stdout where scripts run',
  'runtime/site/script/traces.ts': 'looks for listeners that a script has left, and writes nothing',
  'runtime/learning/trainer/eager-fallback.ts': 'runs where scripts run',
  'runtime/learning/dataset/notes.ts': 'runs where scripts run',
  'runtime/learning/engine/ort/probe-gpu-entry.ts':
    'a process of its own, whose words are read and shown as a reason',
  'runtime/learning/engine/install/check-binding.ts': 'the source of another program',
};

function sources(): string[] {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.ts')).map((name) => name.split(sep).join('/'));
}

describe('the terminal', () => {
  it('is written to by the few files that make texts of others printable', () => {
    const writers = sources().filter((name) => {
      const text = readFileSync(join(root, name), 'utf8');
      return /process\.(stdout|stderr)(?!\.(isTTY|columns))|console\.\w+\(|writeSync\([12],|\bthis\.log\(/.test(
        text,
      );
    });
    expect(writers.sort()).toEqual(Object.keys(WRITERS).sort());
  });
});
