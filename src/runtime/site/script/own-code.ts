import { fileURLToPath, pathToFileURL } from 'node:url';
import { flError } from '../../base/errors/errors.ts';
import { PACKAGE_ROOT } from '../../base/files/package-root.ts';
import { isRequiringOwn } from '../../base/threads/require-own.ts';
import { call } from '../executor/guard/lock.ts';

const OWN = ['src', 'dist'].map((folder) => pathToFileURL(`${PACKAGE_ROOT}${folder}/`).href);
/** Of Node.js's permission model; undefined where scripts are not kept from files. */
const { permission } = process as { permission?: { has(scope: string, path: string): boolean } };
const has = permission?.has;
/** All as it is before a script runs, which may put functions of its own in the places of these. */
const { startsWith } = String.prototype;
const { includes } = Array.prototype;
const { exec } = RegExp.prototype;
const { parse } = URL;
const [toPath, toUrl] = [fileURLToPath, pathToFileURL];
const protocolOf = Object.getOwnPropertyDescriptor(URL.prototype, 'protocol')?.get;
const hrefOf = Object.getOwnPropertyDescriptor(URL.prototype, 'href')?.get;
const OF_FILES = /^(\.{0,2}\/|file:)/;

interface Asked {
  readonly parentURL?: string | undefined;
  readonly conditions?: readonly string[] | undefined;
}

/**
 * Neuroflare's own modules import each other and are never required: whoever requires one, or imports it from elsewhere, is a script that
 * wants what runs it.
 * @throws NF_SCRIPT_LOAD
 */
export function requireOthers(url: string, { parentURL, conditions }: Asked): void {
  if (isRequiringOwn() || !isOwnCode(url)) return;
  const isRequired = conditions !== undefined && call(includes, conditions, ['require']) === true;
  if (!isRequired && (parentURL === undefined || isOwnCode(parentURL))) return;
  throw flError('NF_SCRIPT_LOAD', { message: "the modules of neuroflare itself are not the job's" });
}

/** What a script may not read is not looked for: whether it is there would be told. @throws NF_SCRIPT_LOAD */
export function requireReadable(specifier: string, parent: string | undefined): void {
  if (!has || parent === undefined || call(exec, OF_FILES, [specifier]) === null) return;
  const url = call(parse, URL, [specifier, parent]) as URL | null;
  if (url === null || call(protocolOf, url, []) !== 'file:') return;
  if (call(has, permission, ['fs.read', toPath(url)]) === true) return;
  throw flError('NF_SCRIPT_LOAD', { message: `'${specifier}' is no file that the job may read` });
}

/** Whether code of somebody else may not bear this name: it would import as the module of neuroflare that has it. */
export function isTakenName(name: string): boolean {
  return !isRequiringOwn() && isOwnCode(name);
}

/** Whether a URL, or a path, is that of a module of neuroflare itself. */
function isOwnCode(url: string): boolean {
  const href = beginsWith(url, 'file:') ? url : (call(hrefOf, toUrl(url), []) as string);
  for (let at = 0; at < OWN.length; at++) if (beginsWith(href, OWN[at] ?? href)) return true;
  return false;
}

function beginsWith(text: string, beginning: string): boolean {
  return call(startsWith, text, [beginning]) === true;
}
