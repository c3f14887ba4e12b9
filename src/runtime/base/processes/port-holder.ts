import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { flError, type NeuroflareError } from '../errors/errors.ts';

/** State of a listening socket in /proc/net/tcp (include/net/tcp_states.h). */
const LISTEN = '0A';

/** Why a host and port cannot be listened on, as NF_PORT_TAKEN, NF_PORT_DENIED or NF_ADDRESS_FOREIGN; undefined for a fault of another kind. */
export async function portFailure(
  cause: NodeJS.ErrnoException,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<NeuroflareError | undefined> {
  const { code } = cause;
  if (code === 'EADDRINUSE')
    return flError('NF_PORT_TAKEN', { port, host, holder: await holderOf(port) }, { cause });
  if (code === 'EACCES') return flError('NF_PORT_DENIED', { port }, { cause });
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return flError('NF_ADDRESS_FOREIGN', { host }, { cause });
  return undefined;
}

/** ` by node (process 4711)`: who listens on a port, where the system tells; otherwise nothing. */
export async function holderOf(port: number): Promise<string> {
  const inode = await listeningInode(port);
  if (inode === undefined) return '';
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid) || !(await holdsSocket(pid, inode))) continue;
    // Not `comm`: that is the name of a thread, `MainThread` of Node.js.
    const name = basename(await readlink(`/proc/${pid}/exe`).catch(() => ''));
    return ` by ${name || 'a program'} (process ${pid})`;
  }
  return ' by a program of another user';
}

async function listeningInode(port: number): Promise<string | undefined> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const rows = (await readFile(table, 'utf8').catch(() => '')).split('\n').slice(1);
    const row = rows
      .map((line) => line.trim().split(/\s+/))
      .find((fields) => {
        return fields[1]?.endsWith(`:${hex}`) && fields[3] === LISTEN;
      });
    if (row?.[9] !== undefined) return row[9];
  }
  return undefined;
}

async function holdsSocket(pid: string, inode: string): Promise<boolean> {
  const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = await Promise.all(files.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return links.includes(`socket:[${inode}]`);
}
