// Compiles src, joins the modules to dist and writes the command manifest, so that the CLI starts without reading every command.
// Commands may run meanwhile: each file of dist is replaced at once by its new one, and only those without a source go.
// Nothing is done where what is there was made of these very sources.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const mark = join(root, '.build/built');
mkdirSync(join(root, '.build'), { recursive: true });
if (existsSync(mark) && readFileSync(mark, 'utf8') === digest()) process.exit(0);
const compiled = mkdtempSync(join(root, '.build/compiled-'));
const made = mkdtempSync(join(root, '.build/dist-'));
try {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const args = [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', compiled];
  execFileSync(process.execPath, args, { stdio: 'inherit' });
  await bundle(compiled, made);
  for (const file of filesOf(compiled))
    if (file.endsWith('.d.ts')) replace(join(made, file), join(compiled, file));
  // Before those that name them.
  const files = filesOf(made).sort((a, b) => Number(isChunk(b)) - Number(isChunk(a)));
  for (const file of files) replace(join(dist, file), join(made, file));
  const wanted = new Set(files);
  for (const file of filesOf(dist)) if (!wanted.has(file)) rmSync(join(dist, file));

  const { Plugin } = await import('@oclif/core');
  const plugin = new Plugin({ root, ignoreManifest: true, errorOnManifestCreate: true });
  await plugin.load();
  const manifest = join(made, 'oclif.manifest.json');
  writeFileSync(manifest, `${JSON.stringify(plugin.manifest, withoutSchemas)}\n`);
  replace(join(root, 'oclif.manifest.json'), manifest);
  writeFileSync(mark, digest());
} finally {
  for (const folder of [compiled, made]) rmSync(folder, { recursive: true, force: true });
}

/** Of all that a build reads, and of all that it has made. */
function digest() {
  const folders = ['src', 'scripts', 'dist'].flatMap((name) =>
    filesOf(join(root, name)).map((file) => join(name, file)),
  );
  const single = [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'oclif.manifest.json',
  ];
  const hash = createHash('sha256').update(process.version);
  for (const file of [...folders, ...single].filter((file) => existsSync(join(root, file))).sort())
    hash.update(`\0${file}\0`).update(
      createHash('sha256')
        .update(readFileSync(join(root, file)))
        .digest(),
    );
  return hash.digest('hex');
}

function isChunk(file) {
  return file.startsWith('chunks');
}

/** Every command reads the manifest. oclif puts all fields of a command's class into it; the schema of the answer is read from the class alone. */
function withoutSchemas(key, value) {
  return key === 'resultSchema' ? undefined : value;
}

/** Paths from the folder. */
function filesOf(folder) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1));
}

function replace(old, next) {
  if (existsSync(old) && readFileSync(old).equals(readFileSync(next))) return;
  mkdirSync(dirname(old), { recursive: true });
  renameSync(next, old);
}
