import { join } from 'node:path';
import { keepInitialModel } from '../../../src/runtime/federation/initial-model.ts';
import { folderFiles } from '../../../src/runtime/run/run-files.ts';
import { runFolder } from '../../../src/runtime/run/run-folder.ts';
import { describeChannel, type MakeChannel } from '../../conformance/channel.ts';
import { FakeChannel } from '../../support/fake-channel.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const SITES = ['site-1', 'site-2', 'site-3', 'site-4', 'site-5'];
let count = 0;

const make =
  (inOrder: boolean): MakeChannel =>
  async ({ behave }) => {
    const folder = runFolder(join(root, String(count++)));
    const model = await keepInitialModel(folderFiles(folder), { weights: float32([1, 2, 3, 4]) });
    const start = () => new FakeChannel({ folder, sites: SITES, behave, inOrder, shuffle: count });
    let channel = start();
    const restart = async () => {
      channel.close();
      channel = start();
      return channel;
    };
    return { channel, folder, model, restart, close: async () => channel.close() };
  };

describeChannel('of pretended sites that answer in a shuffled order', make(false));
describeChannel('of pretended sites that answer in order', make(true));
