import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli, runJson, startCli } from '../support/cli.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { copyPackage, INSTALLED_PACKAGE } from '../support/tensorflow-package.ts';

const INSTALL = ['engine', 'install', 'tensorflow'];
const NO_PROXY = { HTTPS_PROXY: '', https_proxy: '', HTTP_PROXY: '', http_proxy: '' };
const WHEEL = [
  'include/tensorflow/c/c_api.h',
  'include/tensorflow/c/eager/c_api.h',
  'libtensorflow_cc.so.2',
  'libtensorflow_framework.so.2',
];

describe.skipIf(!INSTALLED_PACKAGE)('neuroflare engine install tensorflow', () => {
  const root = tempFolder();
  let parent: string;
  let folder: string;
  let server: Server | undefined;
  let before: string[];
  let tests = 0;

  beforeEach(async () => {
    parent = join(root, String(++tests));
    await mkdir(parent);
    folder = copyPackage(parent);
    before = await everything();
  });
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });
  const everything = async () => [
    ...(await readdir(parent)),
    ...(await readdir(folder, { recursive: true })),
  ];
  const options = (env: Record<string, string> = {}) => ({
    cwd: parent,
    env: { ...NO_PROXY, NEUROFLARE_TENSORFLOW_DIR: folder, ...env },
  });
  /** A download host on this machine, in the place of the real one. */
  const host = async (listener: RequestListener) => {
    server = createServer(listener);
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return { TFJS_NODE_CDN_STORAGE: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
  };
  const fakeWheel = async () => {
    const site = join(parent, 'venv/lib/python3.12/site-packages');
    for (const path of WHEEL) {
      await mkdir(dirname(join(site, 'tensorflow', path)), { recursive: true });
      await writeFile(join(site, 'tensorflow', path), '');
    }
    before = await everything();
    return site;
  };

  it('says what else can be done where the download host is out of reach', async () => {
    const env = await host(() => undefined);
    server?.close();
    const { code, answer } = await runJson(INSTALL, options(env));
    expect(code).toBe(2);
    expect(answer).toMatchObject({
      error_code: 'NF_ENGINE_INSTALL_DOWNLOAD',
      message: expect.stringContaining('ECONNREFUSED'),
      hint: expect.stringContaining('--from-python SITE_PACKAGES'),
    });
    expect(await everything()).toEqual(before);
  });

  it('refuses an answer that is not the library', async () => {
    const env = await host((_, response) => response.writeHead(404).end('not here'));
    const { code, answer } = await runJson(INSTALL, options(env));
    expect(code).toBe(2);
    expect(answer.error_code).toBe('NF_ENGINE_INSTALL_DOWNLOAD');
    expect(await everything()).toEqual(before);
  });

  it('keeps a library that does not load until there is a better one', async () => {
    const binding = join(folder, 'lib/napi-v8/tfjs_binding.node');
    await mkdir(dirname(binding), { recursive: true });
    await writeFile(binding, 'not a library');
    before = await everything();
    const env = await host((_, response) => response.writeHead(404).end());
    const { stderr } = await runCli(INSTALL, options(env));
    expect(stderr).toContain('Replacing a binding that does not load');
    expect(await everything()).toEqual(before);
  });

  it.skipIf(process.platform === 'win32')('leaves nothing behind when it is stopped', async () => {
    let disconnected: Promise<unknown> = Promise.resolve();
    const asked = Promise.withResolvers<void>();
    const env = await host((request) => {
      disconnected = new Promise((resolve) => request.socket.on('close', resolve));
      asked.resolve();
    });
    const { child, done } = startCli(INSTALL, options(env));
    await asked.promise;
    child.kill('SIGINT');
    expect(await done).toMatchObject({ code: 130, stderr: expect.stringContaining('NF_INTERRUPTED') });
    await disconnected; // what was started has ended, too
    expect(await everything()).toEqual(before);
  });

  it('clears away what a killed installation left', async () => {
    const abandoned = join(parent, '.neuroflare-install-999999999');
    await mkdir(abandoned);
    await runCli(INSTALL, options(await host((_, response) => response.end())));
    expect(existsSync(abandoned)).toBe(false);
  });

  it('names the package that is not there', async () => {
    const { code, answer } = await runJson(
      INSTALL,
      options({ NEUROFLARE_TENSORFLOW_DIR: join(parent, 'no') }),
    );
    expect(code).toBe(4);
    expect(answer).toMatchObject({
      error_code: 'NF_ENGINE_INSTALL_PACKAGE',
      message: expect.stringMatching(/\/no /),
    });
  });

  it('knows no other engine', async () => {
    const { code, answer } = await runJson(['engine', 'install', 'torch'], options());
    expect(code).toBe(4);
    expect(answer).toMatchObject({ error_code: 'NF_USAGE', message: expect.stringContaining('tensorflow') });
  });

  describe('--from-python', () => {
    const build = (site: string, env: Record<string, string> = {}) =>
      runJson([...INSTALL, '--from-python', site], options(env));

    if (process.platform !== 'linux') {
      it('works on Linux only', async () => {
        expect((await build(parent)).answer.error_code).toBe('NF_ENGINE_INSTALL_PLATFORM');
      });
      return;
    }

    it('names what the Python folder lacks', async () => {
      const { code, answer } = await build('nowhere');
      expect(code).toBe(4);
      expect(answer).toMatchObject({
        error_code: 'NF_ENGINE_INSTALL_WHEEL',
        message: expect.stringContaining('no folder tensorflow'),
        location: { file: join(parent, 'nowhere') },
      });
    });

    it('finds the folder that was meant', async () => {
      const site = await fakeWheel();
      for (const near of [join(parent, 'venv'), join(site, 'tensorflow')]) {
        expect((await build(near)).answer.message).toContain(`Did you mean ${site}?`);
      }
    });

    it('names the tools that are missing', async () => {
      const { code, answer } = await build(await fakeWheel(), { PATH: parent, CXX: '' });
      expect(code).toBe(4);
      expect(answer).toMatchObject({
        error_code: 'NF_ENGINE_INSTALL_TOOLS',
        message: expect.stringContaining('g++, make, python3'),
        hint: expect.stringContaining('apt-get install g++ make python3'),
      });
      expect(await everything()).toEqual(before);
    });
  });
});
