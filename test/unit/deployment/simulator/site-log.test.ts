import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Moment, SiteLog } from '../../../../src/runtime/deployment/simulator/site-log.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();

it('a line of a log is whole, whatever pieces it comes in, and has its round', () => {
  const path = join(root, 'sites/one/log.txt');
  const log = new SiteLog(path);
  const [first, last] = [1, 3].map((round) => ({ round, totalRounds: 2 })) as [Moment, Moment];
  for (const piece of ['lo', 'ss 0.', '5\nacc', 'uracy 0.7\n\n', 'no end']) log.print(piece, first);
  log.end(first);
  log.print('scored\n', last);
  log.end(last);
  const lines = readFileSync(path, 'utf8').replace(/^\S+Z /gm, '');
  expect(lines).toBe(
    'round 1: loss 0.5\nround 1: accuracy 0.7\nround 1: \nround 1: no end\nfinal scoring: scored\n',
  );
});
