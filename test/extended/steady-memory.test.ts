import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('./steady-memory.ts', import.meta.url));

describe('the ort engine', () => {
  it.each(['native', 'wasm'])('holds no more after 2,000 steps than after 500: %s', (build) => {
    const output = execFileSync(process.execPath, ['--expose-gc', SCRIPT, build], { encoding: 'utf8' });
    const seen: { memory: number; tensors: number }[] = JSON.parse(output);
    const [first, last] = [seen[0], seen.at(-1)];
    expect(seen).toHaveLength(4);
    // What a step uses is some 5 MB: one step in twenty that is not given back would show.
    expect((last?.memory ?? 0) - (first?.memory ?? 0)).toBeLessThan(15);
    expect(last?.tensors).toBe(first?.tensors);
  });
});
