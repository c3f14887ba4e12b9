import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = globSync(['*.md', 'docs/*.md', 'bench/*.md'], { cwd: ROOT }).sort();
/** Of the project, by what they begin with. */
const OWN = /^(src|test|docs|scripts|bench|schemas|bin|\.ci)\//;
/** Pages about the code write a file of a room without the folders above it; elsewhere such a path is one of a job or a run. */
const ABOUT_CODE = new Set(['AGENTS.md', 'CONTRIBUTING.md', 'docs/architecture.md']);
const ROOMS = new Set(
  globSync('{src,src/runtime}/*', { cwd: ROOT, withFileTypes: true }).map(({ name }) => name),
);

/** What stands in backticks on a page and can only be a file or folder of the project. */
function pathsOn(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  const words = [...text.matchAll(/`([^`\s]+)`/g)].map(([, word = '']) => word);
  return words
    .filter((word) => !/[<>*A-Z]{2,}|[<>*$]/.test(word))
    .filter((word) => OWN.test(word) || (ABOUT_CODE.has(page) && isInRoom(word) && /\.ts$/.test(word)));
}

function isInRoom(word: string): boolean {
  const [room = '', ...rest] = word.split('/');
  return rest.length > 0 && ROOMS.has(room);
}

const all = PAGES.flatMap((page) => pathsOn(page).map((path): [string, string] => [page, path]));

describe('a path in the documentation', () => {
  it('is found', () => {
    expect(all.length).toBeGreaterThan(100);
  });

  it('leads to something', () => {
    const exists = (path: string) =>
      ['', 'src', 'src/runtime'].some((folder) => globSync(join(ROOT, folder, path)).length > 0);
    expect(all.filter(([, path]) => !exists(path) && !existsSync(join(ROOT, path)))).toEqual([]);
  });
});
