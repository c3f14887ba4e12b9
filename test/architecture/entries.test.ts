import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const src = join(root, 'src');
const sources = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((path) =>
  /(?<!\.d)\.ts$/.test(path),
);
const textOf = (path: string) => readFileSync(join(src, path), 'utf8');

/** Modules that threads, processes and scripts load by their paths: a build that joins modules must leave them where they are. */
const named = sources.flatMap((path) =>
  [
    ...textOf(path).matchAll(
      /(?:new URL\(`|ownUrl\(['`])(\.{1,2}\/[\w./-]+?)(?:\$\{MODULE_EXTENSION\}`|['`]\))/g,
    ),
  ].map(([, way = '']) => relative(src, join(src, dirname(path), way))),
);

/** What is loaded before the first line of such a module runs: its imports, and theirs. */
function loadedBy(entry: string): { modules: string[]; packages: string[] } {
  const modules = new Set([entry]);
  const packages = new Set<string>();
  for (const path of modules) {
    for (const [, what = ''] of textOf(path).matchAll(
      /^(?:import|export) (?!type )(?:[^;]*? from )?'([^']+)';/gm,
    )) {
      if (what.startsWith('.')) modules.add(relative(src, join(src, dirname(path), what)));
      else if (!what.startsWith('node:')) packages.add(what);
    }
  }
  return { modules: [...modules], packages: [...packages] };
}

describe('modules that are named at run time', () => {
  it('are found in the sources', () => {
    expect(named).toContain('runtime/site/executor/site-worker');
    expect(named).toContain('runtime/learning/engine/tfjs-union');
    expect(named.length).toBeGreaterThanOrEqual(8);
  });

  it.each(named)('%s is where the built package looks for it', (path) => {
    expect(existsSync(join(src, `${path}.ts`))).toBe(true);
    expect(existsSync(join(root, 'dist', `${path}.js`))).toBe(true);
  });

  // A thread is started for every site that runs at once, and again after each script that leaves something behind.
  it.each(['site-worker', 'process-entry'])('%s loads no package before a script asks for one', (name) => {
    const { modules, packages } = loadedBy(`runtime/site/executor/${name}.ts`);
    expect(modules).toContain('runtime/site/script/traces.ts');
    expect(packages).toEqual([]);
  });
});
