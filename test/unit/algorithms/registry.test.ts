import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { workflowRegistry } from '../../../scripts/registry.ts';
import { reducerOf, WORKFLOW_TYPES, workflowOf } from '../../../src/runtime/algorithms/registry.ts';
import { COMMON_OPTIONS } from '../../../src/runtime/job/workflow-options.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const ROOT = join(import.meta.dirname, '../../..');
const FOLDER = 'src/runtime/algorithms/workflows';

describe('the registry of workflows', () => {
  it('has each file of the folder, by its name', () => {
    const files = readdirSync(join(ROOT, FOLDER)).map((file) => file.replace(/\.ts$/, ''));
    expect([...WORKFLOW_TYPES].sort()).toEqual(files.sort());
  });

  it('is written from the names of files alone, and refuses one that no job could give', () => {
    const root = tempFolder();
    mkdirSync(join(root, FOLDER), { recursive: true });
    writeFileSync(join(root, FOLDER, 'mine.ts'), 'is not read');
    expect(workflowRegistry(root).text).toContain("import { workflow as mine } from './workflows/mine.ts';");
    writeFileSync(join(root, FOLDER, 'My-Own.ts'), '');
    expect(() => workflowRegistry(root)).toThrow(/My-Own\.ts/);
  });

  it('has one meaning for a key, however many workflows have it', () => {
    const meanings = new Map<string, string>();
    const twofold = WORKFLOW_TYPES.flatMap((type) =>
      Object.entries(workflowOf(type).options).filter(([key, schema]) => {
        const meaning = JSON.stringify(z.toJSONSchema(schema, { io: 'input' }));
        const known = meanings.get(key) ?? meaning;
        meanings.set(key, known);
        return known !== meaning || key in COMMON_OPTIONS;
      }),
    );
    expect(twofold).toEqual([]);
  });

  it('has one reducer of a name', () => {
    const all = WORKFLOW_TYPES.flatMap((type) => workflowOf(type).reducers ?? []);
    expect(all.filter((reducer) => reducerOf(reducer.name) !== reducer)).toEqual([]);
    expect(() => reducerOf('of-nobody')).toThrow(/of-nobody/);
  });

  it('says of each what it does, who published it and what its keys mean', () => {
    const texts = WORKFLOW_TYPES.flatMap((type) => {
      const { summary, source, options } = workflowOf(type);
      return [summary, source, ...Object.values(options).map(({ description = '' }) => description)];
    });
    expect(texts.filter((text) => text.trim() === '')).toEqual([]);
  });
});
