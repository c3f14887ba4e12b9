import { flError } from '../../runtime/base/errors/errors.ts';
import { trimEndOf } from '../../runtime/base/text/trim-marks.ts';

/** What the user leaves out of a source. */
export interface Exclusion {
  /** Whether a file or folder is left out; `path` is relative to the source, with `/`. */
  isExcluded(path: string): boolean;
  /** @throws NF_BIDS_EXCLUDE for a pattern that has left nothing out */
  requireUsed(source: string): void;
}

/**
 * A pattern without `/` is the name of a file or folder anywhere, one with `/` its path in the source; `*` stands for any characters but `/`, `?` for one.
 */
export function exclusionOf(patterns: readonly string[]): Exclusion {
  const rules = patterns.map((pattern) => ({
    pattern,
    isPath: trimEndOf(pattern, '/').includes('/'),
    expression: expressionOf(trimEndOf(pattern.replace(/^\.\//, ''), '/')),
    used: false,
  }));
  return {
    isExcluded: (path) => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      const fitting = rules.filter(({ isPath, expression }) => expression.test(isPath ? path : name));
      for (const rule of fitting) rule.used = true;
      return fitting.length > 0;
    },
    requireUsed: (source) => {
      const unused = rules.find(({ used }) => !used);
      if (!unused) return;
      throw flError(
        'NF_BIDS_EXCLUDE',
        { pattern: unused.pattern, path: source },
        { place: { file: source } },
      );
    },
  };
}

function expressionOf(pattern: string): RegExp {
  const parts = [...pattern].map((character) => {
    if (character === '*') return '[^/]*';
    if (character === '?') return '[^/]';
    return character.replace(/[\\^$.*+?()[\]{}|/]/u, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`, 'su');
}
