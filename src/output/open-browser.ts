import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** How each system opens a file with the program that people have chosen for it. */
const OPENERS: Partial<Record<NodeJS.Platform, readonly [command: string, ...args: string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
  linux: ['xdg-open'],
};

/**
 * Opens an address in the browser of whoever sits at this machine, if somebody does. Others may read the arguments of a program: the address goes
 * through a file that only its owner reads.
 * @returns what takes the file away again; undefined where nothing was opened
 */
export function openBrowser(address: string): (() => void) | undefined {
  const [command, ...args] = OPENERS[process.platform] ?? [];
  if (command === undefined || !hasScreen()) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'neuroflare-view-'));
  const file = join(folder, 'open.html');
  const page = `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=${address}"><title>neuroflare</title>`;
  writeFileSync(file, page, { mode: 0o600 });
  const child = spawn(command, [...args, pathToFileURL(file).href], { detached: true, stdio: 'ignore' });
  // Without such a program the address is printed all the same.
  child.on('error', () => undefined);
  child.unref();
  return () => rmSync(folder, { recursive: true, force: true });
}

function hasScreen(): boolean {
  if (process.env.SSH_CONNECTION) return false;
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}
