import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { RunEvent } from '../../src/runtime/run/events.ts';

/** The folder of a job's newest run. */
export function latestRun(workspace: string, job = 'tiny'): string {
  return join(workspace, job, readlinkSync(join(workspace, job, 'latest')));
}

export function runsOf(workspace: string, job = 'tiny'): string[] {
  return readdirSync(join(workspace, job))
    .filter((name) => name !== 'latest')
    .sort();
}

export function eventsOf(run: string): RunEvent[] {
  const lines = readFileSync(join(run, 'events.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { event: RunEvent }).event);
}

/** Files that no finished or failed run may leave. */
export function leftovers(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => /\.tmp$|\.lock$|\.takeover$|[/]latest\./.test(path));
}

export function finalModel(run: string): Buffer {
  return readFileSync(join(run, 'model.safetensors'));
}
