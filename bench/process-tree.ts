import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Measured {
  readonly seconds: number;
  /** Largest sum of the resident memory of the process and its descendants, in MB. */
  readonly memory: number;
}

/** Runs a command to its end and watches it and its descendants (Linux: /proc, every 20 ms). `ends`: exit statuses that are good; 0 by default. */
export async function measure(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; ends?: readonly number[] },
): Promise<Measured> {
  const begun = performance.now();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: 'ignore',
  });
  let ended: number | null | undefined;
  const done = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      ended = code;
      resolve();
    });
  });
  let memory = 0;
  while (ended === undefined) {
    memory = Math.max(memory, residentOf(child.pid ?? 0));
    await Promise.race([sleep(20), done]);
  }
  if (!(options.ends ?? [0]).includes(ended ?? -1))
    throw new Error(`${command} ${args.join(' ')} ended with ${ended}`);
  return { seconds: (performance.now() - begun) / 1000, memory };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** A line of medians. */
export function printMeasured(name: string, all: readonly Measured[]): void {
  const seconds = median(all.map((one) => one.seconds)).toFixed(2);
  const memory = median(all.map((one) => one.memory)).toFixed(0);
  console.log(`${name}: ${seconds} s, ${memory} MB (median of ${all.length})`);
}

/** A line with the median of the ratios of pairs. */
export function printRatio(ours: readonly Measured[], theirs: readonly Measured[]): void {
  const ratio = (figure: (one: Measured) => number) =>
    median(ours.map((one, index) => figure(theirs[index] ?? one) / figure(one)));
  const [seconds, memory] = [ratio((one) => one.seconds), ratio((one) => one.memory)];
  console.log(`ratio: ${seconds.toFixed(2)} x faster, memory 1/${memory.toFixed(1)}`);
}

function residentOf(root: number): number {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const parent = Number(
      read(`/proc/${name}/stat`)
        .replace(/^.*\)\s+\S+\s+/s, '')
        .split(' ')[0],
    );
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return (
    tree.reduce((sum, pid) => sum + Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0), 0) /
    1024
  );
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
