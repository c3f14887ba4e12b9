import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { kernelStatus, layerStatus } from './layer-status.ts';

it('docs/engine.md has the table of layers that the tests go by, and the kernels that there are', () => {
  const page = readFileSync(new URL('../../../../docs/engine.md', import.meta.url), 'utf8');
  expect(page).toContain(layerStatus());
  expect(page).toContain(kernelStatus());
});
