import { join } from 'node:path';
import { tempFolder } from '../support/temp-folder.ts';
import { describeStore } from './store.ts';

const folder = tempFolder();
let count = 0;

describeStore('in SQLite', {
  module: new URL('../../src/runtime/deployment/store/sqlite/sqlite-store.ts', import.meta.url).href,
  open: 'openSqliteStore',
  make: () => {
    count += 1;
    return { place: join(folder, `state-${count}.db`), other: join(folder, `copy-${count}.db`) };
  },
});
