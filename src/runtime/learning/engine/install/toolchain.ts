import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { flError } from '../../../base/errors/errors.ts';

/** What compiles an addon of Node.js here. */
export interface Toolchain {
  /** Script of the node-gyp that comes inside npm. */
  readonly nodeGyp: string;
  /** Folder that holds `include/node`. */
  readonly nodeFolder: string;
}

const COMPILER_ADVICE = 'Install g++, make and Python 3 (Debian, Ubuntu: apt-get install g++ make python3).';
const NPM_ADVICE = 'Install npm, which brings node-gyp.';
const HEADERS_ADVICE = `Install the headers of Node.js (Debian, Ubuntu: apt-get install libnode-dev; npm: npm install ${headersPackage()}), or name a folder that holds include/node in npm_config_nodedir.`;

/** @throws NF_ENGINE_INSTALL_TOOLS naming everything that is missing */
export function findToolchain(): Toolchain {
  const nodeGyp = findNodeGyp();
  const nodeFolder = findNodeFolder();
  const missing = [
    ...(process.env.CXX || findProgram('g++') ? [] : [['g++', COMPILER_ADVICE]]),
    ...(findProgram('make') ? [] : [['make', COMPILER_ADVICE]]),
    ...(findProgram('python3') ? [] : [['python3', COMPILER_ADVICE]]),
    ...(nodeGyp ? [] : [['node-gyp', NPM_ADVICE]]),
    ...(nodeFolder ? [] : [['node_api.h', HEADERS_ADVICE]]),
  ];
  if (!nodeGyp || !nodeFolder || missing.length > 0) {
    const advice = [...new Set(missing.map(([, text]) => text))].join(' ');
    throw flError('NF_ENGINE_INSTALL_TOOLS', { missing: missing.map(([name]) => name).join(', '), advice });
  }
  return { nodeGyp, nodeFolder };
}

function findProgram(name: string): string | undefined {
  return findPrograms(name)[0];
}

function findPrograms(name: string): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, name)).filter((path) => existsSync(path));
}

/** npm's own copy: of the npm that runs this command, of the one on the PATH, of the one beside Node.js. */
function findNodeGyp(): string | undefined {
  const places = [
    process.env.npm_execpath,
    findProgram('npm'),
    join(dirname(process.execPath), 'npm'),
    findProgram('node-gyp'),
  ];
  return firstOf(places, (place) => createRequire(realpathSync(place)).resolve('node-gyp/bin/node-gyp.js'));
}

/** The addon uses Node-API alone, which is the same in every version, so headers of another Node.js will do. */
function findNodeFolder(): string | undefined {
  const prefixOf = (program: string) => dirname(dirname(realpathSync(program)));
  const places = [
    () => process.env.npm_config_nodedir,
    () => prefixOf(process.execPath),
    () => dirname(createRequire(import.meta.url).resolve(`${headersPackage()}/package.json`)),
    ...findPrograms('node').map((node) => () => prefixOf(node)),
    () => '/usr/local',
    () => '/usr',
  ];
  return firstOf(places, (place) => {
    const folder = place();
    return folder && existsSync(join(folder, 'include/node/node_api.h')) ? folder : undefined;
  });
}

/** Part of npm's `node`, with Node.js's headers in it. */
function headersPackage(): string {
  return `node-${process.platform}-${process.arch}`;
}

/** The first answer there is; a place that does not exist has none. */
function firstOf<T>(places: readonly (T | undefined)[], ask: (place: T) => string | undefined) {
  for (const place of places) {
    try {
      const answer = place === undefined ? undefined : ask(place);
      if (answer !== undefined) return answer;
    } catch {
      // Not there: the next one.
    }
  }
  return undefined;
}
