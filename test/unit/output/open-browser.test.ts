import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { openBrowser } from '../../../src/output/open-browser.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const ADDRESS = 'http://127.0.0.1:8090/?token=secret';

describe.skipIf(process.platform !== 'linux')('an address that is opened', () => {
  const folder = tempFolder();

  it('goes through a file of its owner alone, never through arguments that others can read', async () => {
    const told = join(folder, 'told');
    await mkdir(join(folder, 'bin'));
    await writeFile(
      join(folder, 'bin', 'xdg-open'),
      `#!/bin/sh\necho "$@" > ${told}.part && mv ${told}.part ${told}\n`,
    );
    await chmod(join(folder, 'bin', 'xdg-open'), 0o755);
    vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env.PATH}`);
    vi.stubEnv('DISPLAY', ':0');
    vi.stubEnv('SSH_CONNECTION', '');
    const close = openBrowser(ADDRESS);
    await vi.waitFor(() => expect(existsSync(told)).toBe(true), { timeout: 60_000 });
    const words = (await readFile(told, 'utf8')).trim();
    expect(words).not.toContain('secret');
    const file = fileURLToPath(words);
    expect(await readFile(file, 'utf8')).toContain(`url=${ADDRESS}`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(file))).mode & 0o777).toBe(0o700);
    close?.();
    expect(existsSync(dirname(file))).toBe(false);
  });

  it.each([
    ['there is no screen', { DISPLAY: '', WAYLAND_DISPLAY: '', SSH_CONNECTION: '' }],
    [
      'somebody sits elsewhere',
      { DISPLAY: ':0', WAYLAND_DISPLAY: '', SSH_CONNECTION: '10.0.0.1 1 10.0.0.2 22' },
    ],
  ])('is left alone where %s', (_, env) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    expect(openBrowser(ADDRESS)).toBeUndefined();
  });
});
