import { describe, expect, it } from 'vitest';
import { flError } from '../../../../src/runtime/base/errors/errors.ts';
import { MachineNotes } from '../../../../src/runtime/deployment/server/machine-notes.ts';

const FULL = flError('NF_DISK_FULL', { where: '' });
const FILES = flError('NF_FILES_OPEN', { where: '' });

describe('what a server lacks', () => {
  it('is told once for each thing that waits for it, with what to do', () => {
    const said: string[] = [];
    const notes = new MachineNotes((line) => said.push(line));
    for (const error of [FULL, FULL, FILES])
      for (const what of ['A request could not be answered', 'job-1 waits for this machine'])
        notes.note(what, error);
    expect(said).toHaveLength(4);
    expect(said[0]).toBe(`A request could not be answered: ${FULL.message} next: ${FULL.hint}`);
    expect(said[1]).toBe(`job-1 waits for this machine: ${FULL.message} next: ${FULL.hint}`);
    expect(said[3]).toContain(FILES.message);
  });
});
