// Joins the compiled modules: what a command, a thread or a process loads is a few files in place of some hundred, and the packages that
// every command needs are among them. Modules that are named at run time stay where they are.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, posix, relative, sep } from 'node:path';
import { rolldown } from 'rolldown';

/** Commands, which oclif names; what users of the package name; threads and processes, which neuroflare starts by their paths. */
const NAMED =
  /^(main|commands\/.+|api\/[^/]+|.+-entry|.+\/(site-worker|thread|tfjs-union|tensorflow-engine))\.js$/;
/** Packages that no script of a user shares with neuroflare, without native parts. */
const JOINED =
  /^(@oclif\/core|zod|fastify-type-provider-zod|yaml|undici|cli-progress|string-width|wrap-ansi)(\/|$)/;
const PLACE = 'import.meta.url';

/** @param {string} from folder of compiled modules @param {string} to folder for the joined ones */
export async function bundle(from, to) {
  const named = readdirSync(from, { recursive: true })
    .map(withSlashes)
    .filter((path) => NAMED.test(path));
  const joined = await rolldown({
    input: Object.fromEntries(named.map((path) => [path.slice(0, -'.js'.length), join(from, path)])),
    platform: 'node',
    external: (id, parent) => isPackage(id) && !isJoined(id, parent?.startsWith(from) ?? true),
    plugins: [keepPlaces(from)],
  });
  const { output } = await joined.write({
    dir: to,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
  });
  await joined.close();
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
  writeFileSync(join(to, 'chunks/LICENSES.txt'), licencesOf(modules));
}

function isPackage(id) {
  return !/^[./\0]|^[A-Za-z]:/.test(id);
}

/** A package that is joined brings what it needs; oclif asks for TypeScript only where sources run as they are. */
function isJoined(id, isAskedByUs) {
  return isAskedByUs ? JOINED.test(id) : id !== 'typescript';
}

/** A module that asks where it lies is told where it lay before it was joined: what it names from there lies there. */
function keepPlaces(from) {
  return {
    name: 'keep-places',
    transform(code, id) {
      if (!id.startsWith(from) || !code.includes(PLACE)) return null;
      return code.replaceAll(PLACE, `__place__(${JSON.stringify(withSlashes(relative(from, id)))})`);
    },
    renderChunk(code, { fileName }) {
      return code.replace(/__place__\("([^"]+)"\)/g, (_, path) => {
        const way = posix.relative(dirname(fileName), path);
        return path === fileName ? PLACE : `new URL(${JSON.stringify(way)}, ${PLACE}).href`;
      });
    },
  };
}

/** What the licences of the packages ask for: their texts go with the code. */
function licencesOf(modules) {
  const folders = new Set(
    modules.map((path) => /^.*[\\/]node_modules[\\/](@[^\\/]+[\\/])?[^\\/]+/.exec(path)?.[0]),
  );
  folders.delete(undefined);
  return [...folders]
    .sort()
    .map(licenceOf)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)(\.|$)/i.test(basename(entry)));
  const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim();
  return `${name} ${version} (${license})\n\n${text}\n`;
}

function withSlashes(path) {
  return path.split(sep).join('/');
}
