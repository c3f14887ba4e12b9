import { join } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { PACKAGE_ROOT } from '../../base/files/package-root.ts';
import { LocalPage, type PageFile } from '../../page/local-page.ts';
import { niivueFile } from './niivue-file.ts';
import { sendShown, sendVolume } from './send-shown.ts';
import { ServedFiles } from './served-files.ts';
import { makeViewList } from './view-list.ts';
import { openViewTarget, type ViewWish } from './view-target.ts';

const PAGE = join(PACKAGE_ROOT, 'viewer');
/** The page's own files, by their types. */
const ASSETS = {
  'style.css': 'text/css',
  'main.js': 'text/javascript',
  'list.js': 'text/javascript',
  'details.js': 'text/javascript',
  'volume.js': 'text/javascript',
} as const;

export interface ViewOptions extends ViewWish {
  /** 0 for any that is free. */
  readonly port: number;
  /** Is told once the page can be opened. */
  readonly onReady: (ready: ReadyView) => void;
  readonly signal: AbortSignal;
}

export interface ReadyView {
  /** With the token: whoever has it sees the images. */
  readonly address: string;
  readonly subjects: number;
  readonly images: number;
  /** What could not be read, and why. */
  readonly notes: readonly string[];
}

/** Serves the images of a data set or run to a browser of this machine, until the signal. @throws NF_VIEW_*, NF_PORT_*, NF_PATH_MISSING */
export async function serveView(options: ViewOptions): Promise<void> {
  const { port, signal, onReady } = options;
  const target = await openViewTarget(options);
  const served = new ServedFiles();
  const { subjects, notes } = await makeViewList(target, served);
  const page = new LocalPage({
    name: 'view',
    index: join(PAGE, 'index.html'),
    files: pageFiles(),
    refused: (reason) => flError('NF_VIEW_REFUSED', { reason }),
    unknown: () => flError('NF_VIEW_UNKNOWN'),
  });
  const { app, folder } = page;
  app.get(`${folder}/list`, () => makeViewList(target, served));
  app.get<{ Params: { number: string } }>(`${folder}/files/:number`, async (request, reply) =>
    sendShown(request, reply, await served.open(request.params.number)),
  );
  app.get<{ Params: { number: string } }>(`${folder}/volumes/:number`, async (request, reply) =>
    sendVolume(reply, await served.open(request.params.number)),
  );
  const images = subjects.reduce((sum, one) => sum + one.images.length, 0);
  await page.serve({
    port,
    signal,
    onReady: () => onReady({ address: page.address, subjects: subjects.length, images, notes }),
  });
}

function pageFiles(): PageFile[] {
  const own = Object.entries(ASSETS).map(([name, type]) => ({ name, path: join(PAGE, name), type }));
  return [...own, { name: 'niivue.js', path: niivueFile(), type: 'text/javascript' }];
}
