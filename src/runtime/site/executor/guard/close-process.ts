import crypto from 'node:crypto';
import module, { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import v8 from 'node:v8';
import { define, replace } from './lock.ts';

/** Of `process`: signals to others, native code, open handles (the pipe to the client is one), another current folder (from which native libraries read), the real environment. */
const OF_PROCESS = [
  'kill',
  '_kill',
  '_debugProcess',
  '_debugEnd',
  '_linkedBinding',
  'binding',
  'chdir',
  'execve',
  'loadEnvFile',
  '_getActiveHandles',
  '_getActiveRequests',
  'initgroups',
  'setgroups',
  'setuid',
  'seteuid',
  'setgid',
  'setegid',
];

/** Flags, and what shows all memory, that of neuroflare as well. */
const OF_V8 = [
  ...[
    'setFlagsFromString',
    'writeHeapSnapshot',
    'setHeapSnapshotNearHeapLimit',
    'getHeapSnapshot',
    'queryObjects',
  ],
];

/**
 * Takes out of this process what Node.js's permission model leaves to it: signals to other processes, V8's flags (which switch its own
 * walls off), the diagnostic report (environment, addresses and libraries of the machine), OpenSSL engines and
 * module hooks in another thread (native code), and the
 * environment that native libraries read: a script gets a copy.
 */
export function closeProcess(): void {
  replace(process, OF_PROCESS, (name) => denied(`process.${name}`));
  define(process, 'report', smallReport());
  define(process, 'env', { ...process.env });
  replace(v8, OF_V8, (name) => denied(`v8.${name}`));
  // They read what may not be read, by links that lead out of the data, or tell whether it is there.
  replace(module, ['findPackageJSON', '_readPackage'], (name) => denied(`module.${name}`));
  // Hooks would run in a thread of their own, where nothing is closed, or resolve past ours.
  replace(module, ['register', 'registerHooks'], (name) => denied(`module.${name}`));
  replace(crypto, ['setEngine'], (name) => denied(`crypto.${name}`));
  replace(os, ['setPriority'], (name) => denied(`os.${name}`));
  const { permission } = process as { permission?: object };
  // What is dropped there is dropped for neuroflare's own work after the script's, too.
  if (permission) replace(permission, ['drop'], () => denied('process.permission.drop'));
  syncBuiltinESMExports();
}

/** What sharp asks for: whether the C library is glibc or musl. */
function smallReport() {
  const full: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  return {
    excludeNetwork: true,
    getReport: () => {
      full.excludeNetwork = true;
      const { header } = full.getReport() as { header: { glibcVersionRuntime?: string } };
      const version = header.glibcVersionRuntime;
      return {
        header: { glibcVersionRuntime: version },
        sharedObjects: process.platform === 'linux' && version === undefined ? ['ld-musl-'] : [],
      };
    },
  };
}

/** As Node.js's permission model refuses. */
export function denied(what: string): () => never {
  return () => {
    throw Object.assign(new Error(`Access to ${what} has been restricted`), { code: 'ERR_ACCESS_DENIED' });
  };
}
