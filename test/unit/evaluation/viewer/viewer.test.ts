import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { annexImage, headImage, makeTree, tsv } from '../../../support/bids-tree.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { type OpenView, openView } from '../../../support/view-requests.ts';

const root = join(tempFolder(), 'bids');
const EVIL = '<img src=x onerror=alert(1)>';
const image = (subject: string) => `${subject}/anat/${subject}_T1w.nii.gz`;
let view: OpenView;

beforeAll(async () => {
  await makeTree(root, {
    'participants.tsv': tsv(
      ['participant_id', 'diagnosis', 'site', 'age'],
      ['sub-01', 'glioma', 'north', '41'],
      ['sub-02', EVIL, 'south', 'n/a'],
    ),
    [image('sub-01')]: { seed: 1 },
    [`sub-02/ses-1/anat/sub-02_ses-1_acq-${EVIL.replaceAll(' ', '')}_T1w.nii`]: { seed: 2 },
    'derivatives/truth/sub-01/anat/sub-01_desc-lesion_mask.nii.gz': { seed: 3 },
    'derivatives/quality/group_T1w.tsv': tsv(
      ['participant_id', 'file', 'site', 'kind', 'snr', EVIL],
      ['sub-01', image('sub-01'), 'north', 'volume', '12.5', EVIL],
    ),
    'sub-01/anat/sub-01_T1w.json': '{}',
    'sub-01/figures/sub-01_sheet.png': 'no picture',
  });
  view = await openView({ target: root });
});
afterAll(() => view.close());

const subject = async (id: string) => (await view.list()).subjects.find((one) => one.id === id);
const code = ({ body }: { body: Buffer }) => (JSON.parse(body.toString()) as { code: string }).code;

describe('who may look', () => {
  it('has the token of the address, 256 bits of chance, and gets it back in a cookie that scripts cannot read', async () => {
    const address = new URL(view.address);
    expect(address.hostname).toBe('127.0.0.1');
    const token = address.searchParams.get('token') ?? '';
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const page = await view.bare(`/?token=${token}`);
    expect(page.status).toBe(200);
    expect(page.headers['set-cookie']).toEqual([
      `neuroflare-view-${view.port}=${token}; Path=${view.folder}/; HttpOnly; SameSite=Strict`,
    ]);
    const other = await openView({ target: root });
    expect(new URL(other.address).searchParams.get('token')).not.toBe(token);
    expect(Buffer.from(other.folder.slice(1), 'base64url')).toHaveLength(16);
    expect(other.folder).not.toBe(view.folder);
    await other.close();
  });

  const own = () => `127.0.0.1:${view.port}`;
  const refusals: [string, () => Promise<{ status: number; body: Buffer }>][] = [
    ['no token', () => view.bare('/')],
    ['no token, for the list', () => view.bare('/list')],
    ['no token, for a file', () => view.bare('/volumes/0')],
    ['no token, for what is not there', () => view.bare('/nothing')],
    ['a wrong token', () => view.bare('/?token=x')],
    ['a wrong token beside the right cookie', () => view.get('/?token=x')],
    ['two tokens', () => view.bare(`/?token=x&${view.address.split('?')[1]}`)],
    ['a longer token', () => view.bare(`${view.first}x`)],
    ['a wrong cookie', () => view.bare('/list', { cookie: `${view.cookie}x` })],
    ['an empty cookie', () => view.bare('/list', { cookie: `neuroflare-view-${view.port}=` })],
    ['the cookie of another port', () => view.bare('/list', { cookie: view.cookie.replace(/\d+=/, '1=') })],
    ['another name that leads here', () => view.get('/list', { host: `evil.example:${view.port}` })],
    ['the name without its port', () => view.get('/list', { host: '127.0.0.1' })],
    ['a name that ends with a dot', () => view.get('/list', { host: `127.0.0.1.:${view.port}` })],
    ['a page of another origin', () => view.get('/list', { origin: 'http://evil.example' })],
    ['a page of another port', () => view.get('/list', { origin: 'http://127.0.0.1:1' })],
    ['a page without an origin', () => view.get('/list', { origin: 'null' })],
    ['a script of another site', () => view.get('/volumes/0', { 'sec-fetch-site': 'cross-site' })],
    ['a picture in the page of another port', () => view.get('/files/2', { 'sec-fetch-site': 'same-site' })],
    [
      'the same with both names',
      () => view.get('/list', { host: `localhost:${view.port}`, origin: `http://${own()}` }),
    ],
  ];
  it.each(refusals)('is refused with %s, and learns nothing', async (_name, ask) => {
    const answer = await ask();
    expect(answer.status).toBe(403);
    expect(code(answer)).toBe('NF_VIEW_REFUSED');
    expect(answer.body.toString()).not.toMatch(/sub-|token=/);
  });

  it('may come by the other name of this machine, by a link, and from the page itself', async () => {
    const name = { host: `localhost:${view.port}` };
    for (const headers of [
      name,
      { ...name, origin: `http://localhost:${view.port}` },
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
    ])
      expect((await view.get('/list', headers)).status).toBe(200);
    const opened = await view.bare(view.first, {
      'sec-fetch-site': 'cross-site',
    });
    expect(opened.status).toBe(200);
  });

  it('is told by every answer that nothing comes from elsewhere, is kept or is framed', async () => {
    for (const path of [
      '/',
      '/list',
      '/main.js',
      '/niivue.js',
      '/volumes/0',
      '/nothing',
      '/%',
      '/?token=x',
    ]) {
      const { headers } = await view.get(path);
      const policy = String(headers['content-security-policy']);
      expect(policy, path).toContain("default-src 'none'; script-src 'self';");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      });
    }
  });

  it('can change nothing', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect((await view.bare('/list', { cookie: view.cookie }, method)).status).toBe(404);
  });
});

describe('what is listed', () => {
  it('has the images of a subject with label, site, masks, quality and its row', async () => {
    expect(await subject('sub-01')).toMatchObject({
      label: 'glioma',
      site: 'north',
      part: null,
      predicted: null,
      heat: null,
      facts: [
        ['diagnosis', 'glioma'],
        ['site', 'north'],
        ['age', '41'],
      ],
      images: [
        {
          kind: 'volume',
          path: image('sub-01'),
          quality: [
            ['snr', '12.5'],
            [EVIL, EVIL],
          ],
        },
        { kind: 'picture', path: 'sub-01/figures/sub-01_sheet.png', quality: [] },
      ],
      masks: [{ kind: 'mask', path: 'derivatives/truth/sub-01/anat/sub-01_desc-lesion_mask.nii.gz' }],
    });
  });

  it('comes as data, whatever is in a name', async () => {
    const { headers, body } = await view.get('/list');
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(body.toString()).toContain(EVIL);
    expect(await subject('sub-02')).toMatchObject({ label: EVIL, images: [{ session: '1' }] });
  });

  it('is made anew whenever the page is loaded, with the same addresses', async () => {
    const [before] = (await subject('sub-01'))?.images ?? [];
    await makeTree(root, { 'sub-00/anat/sub-00_T1w.nii.gz': { seed: 9 } });
    const [after] = (await subject('sub-01'))?.images ?? [];
    expect(after).toEqual(before);
    expect(await subject('sub-00')).toMatchObject({ label: null });
    await rm(join(root, 'sub-00'), { recursive: true });
  });

  it('tells of tables that are not whole, and shows the images', async () => {
    const broken = join(tempFolder(), 'broken');
    await makeTree(broken, {
      'participants.tsv': 'participant_id\tdiagnosis\nsub-01\n',
      [image('sub-01')]: { seed: 1 },
    });
    const other = await openView({ target: broken });
    const { subjects, notes } = await other.list();
    await other.close();
    expect(subjects).toMatchObject([{ id: 'sub-01', label: null }]);
    expect(notes).toEqual([expect.stringContaining('line 2 has 1 cells')]);
  });

  it('takes tables of quality from beside the data set, by subject or image, and none that are of another form', async () => {
    const folder = await makeTree(join(tempFolder(), 'quality'), {
      'group_T2w.tsv': tsv(['bids_name', 'cnr'], ['sub-01_T1w', '3']),
      'quality.tsv': tsv(['participant_id', 'mark'], ['sub-02', 'good']),
      'quality_other.tsv': 'no table',
      'other.tsv': tsv(['participant_id', 'mark'], ['sub-02', 'bad']),
    });
    const other = await openView({ target: root, quality: folder });
    const { subjects } = await other.list();
    await other.close();
    expect(subjects.find(({ id }) => id === 'sub-01')?.images[0]?.quality).toContainEqual(['cnr', '3']);
    expect(subjects.find(({ id }) => id === 'sub-02')?.quality).toEqual([['mark', 'good']]);
    await expect(openView({ target: root, quality: join(folder, 'gone') })).rejects.toMatchObject({
      code: 'NF_PATH_MISSING',
    });
  });

  it('takes no words from files outside, whatever link leads there', async () => {
    const linked = await makeTree(join(tempFolder(), 'linked'), { [image('sub-01')]: { seed: 1 } });
    const outside = await makeTree(join(tempFolder(), 'outside'), {
      'dataset_description.json': '{"Name": "secret words"}',
      'group_T1w.tsv': tsv(['file', 'secret'], ['sub-01_T1w', 'words']),
    });
    await rm(join(linked, 'dataset_description.json'));
    for (const name of ['dataset_description.json', 'group_T1w.tsv'])
      await symlink(join(outside, name), join(linked, name));
    const other = await openView({ target: linked });
    const list = await other.list();
    await other.close();
    expect(JSON.stringify({ ...list, notes: [] })).not.toContain('secret');
    expect(list.notes).toEqual([expect.stringContaining('group_T1w.tsv')]);
  });

  it('must be something', async () => {
    const none = await makeTree(join(tempFolder(), 'none'), {
      'participants.tsv': 'participant_id\nsub-01\n',
    });
    await expect(openView({ target: none })).rejects.toMatchObject({ code: 'NF_VIEW_NOTHING' });
    await expect(openView({ target: join(none, 'gone') })).rejects.toMatchObject({ code: 'NF_VIEW_TARGET' });
  });
});

describe('a file', () => {
  it.each([
    '/files/..%2f..%2fetc%2fpasswd',
    '/files/../../etc/passwd',
    '/files/%2e%2e/participants.tsv',
    '/volumes/-1',
    '/volumes/1e0',
    '/volumes/0x0',
    '/volumes/99',
    '/files/0/participants.tsv',
    '/participants.tsv',
    '/%00',
  ])('is asked for by its number alone: %s is nothing', async (path) => {
    const answer = await view.get(path);
    expect(answer.status).toBe(404);
    expect(code(answer)).toBe('NF_VIEW_UNKNOWN');
  });

  /** The address of a file that is put in place of the image of a subject of its own. */
  async function asked(name: string, put: (path: string) => Promise<unknown>) {
    const path = join(root, `sub-${name}/anat/sub-${name}_T1w.nii.gz`);
    await mkdir(join(path, '..'), { recursive: true });
    await put(path);
    const found = (await subject(`sub-${name}`))?.images[0]?.address ?? '';
    const answers = [await view.get(found), await view.get(found.replace('volumes', 'files'))];
    await rm(join(root, `sub-${name}`), { recursive: true });
    return answers;
  }

  it('outside the data set is not shown, whichever link leads there', async () => {
    const secret = join(tempFolder(), 'secret.nii');
    await writeFile(secret, headImage({ seed: 5 }));
    for (const target of [secret, '/etc/passwd', '../../../../../../../../etc/passwd', '/']) {
      for (const answer of await asked('link', (path) => symlink(target, path))) {
        expect(answer.status).toBe(409);
        expect(code(answer)).toBe('NF_VIEW_FILE');
      }
    }
    await mkdir(join(root, 'inner'), { recursive: true });
    await symlink('/etc', join(root, 'inner', 'etc'));
    const [through] = await asked('way', (path) => symlink('../../inner/etc/passwd', path));
    expect(through?.status).toBe(409);
    await rm(join(root, 'inner'), { recursive: true });
  });

  it('in a folder that is a link out of the data set is not even listed', async () => {
    const elsewhere = await makeTree(join(tempFolder(), 'elsewhere'), {
      'anat/sub-far_T1w.nii.gz': { seed: 6 },
    });
    await symlink(elsewhere, join(root, 'sub-far'));
    const { subjects, notes } = await view.list();
    await rm(join(root, 'sub-far'));
    expect(subjects.map(({ id }) => id)).not.toContain('sub-far');
    expect(notes).toEqual(['Folders of subjects that are links out of the data set are not shown: 1.']);
  });

  it('may be a link inside, as those of DataLad; one that was not fetched says how it is', async () => {
    await annexImage(root, image('sub-annex'), { seed: 7 });
    const [found] = (await subject('sub-annex'))?.images ?? [];
    expect((await view.get(found?.address ?? '')).body.equals(Buffer.from(headImage({ seed: 7 })))).toBe(
      true,
    );
    await rm(join(root, '.git'), { recursive: true });
    const answer = await view.get(found?.address ?? '');
    await rm(join(root, 'sub-annex'), { recursive: true });
    expect(code(answer)).toBe('NF_BIDS_CONTENT_ABSENT');
    expect(answer.body.toString()).toContain('datalad get');
  });

  it('is a regular file', async () => {
    for (const put of [
      async (path: string) => execFileSync('mkfifo', [path]),
      (path: string) => mkdir(path),
    ]) {
      for (const answer of await asked('odd', put)) expect(code(answer)).toBe('NF_VIEW_FILE');
    }
    const gone = await asked('gone', (path) => symlink('nowhere', path));
    expect(gone.map(code)).toEqual(['NF_BIDS_LINK', 'NF_BIDS_LINK']);
  });

  it('is sent as it lies there, and a volume unpacked, whatever its name ends with', async () => {
    const plain = Buffer.from(headImage({ seed: 8 }));
    const packed = gzipSync(plain);
    const parts = Buffer.concat([gzipSync(plain.subarray(0, 5000)), gzipSync(plain.subarray(5000))]);
    for (const bytes of [plain, packed, parts]) {
      const [volume, file] = await asked('some', (path) => writeFile(path, bytes));
      expect(volume?.body.equals(plain)).toBe(true);
      expect(volume?.headers['content-type']).toBe('application/octet-stream');
      expect(volume?.headers['content-encoding']).toBeUndefined();
      expect(file?.body.equals(bytes)).toBe(true);
    }
    const bytes = await readFile(join(root, image('sub-01')));
    const address = (await subject('sub-01'))?.images[0]?.address ?? '';
    expect((await view.get(address)).body.equals(gunzipSync(bytes))).toBe(true);
    const picture = (await subject('sub-01'))?.images[1]?.address ?? '';
    expect((await view.get(picture)).headers['content-type']).toBe('image/png');
  });

  it('that is damaged is told by name or breaks off, and the viewer goes on', async () => {
    const packed = gzipSync(Buffer.from(headImage({ seed: 8 })));
    const damaged = [
      packed.subarray(0, -200),
      Buffer.concat([packed.subarray(0, 300), packed]),
      Buffer.concat([packed, Buffer.from('\x1f\x8bjunk', 'latin1')]),
    ];
    for (const bytes of damaged) {
      const [volume, file] = await asked('bad', (path) => writeFile(path, bytes));
      // Whatever was unpacked before the fault may be on its way already.
      if (!volume?.broken) expect(volume && code(volume)).toMatch(/^NF_NIFTI_GZIP_/);
      expect(file?.body.equals(bytes)).toBe(true);
    }
    const long = gzipSync(randomBytes(3_000_000), { level: 0 });
    const [late] = await asked('late', (path) => writeFile(path, long.subarray(0, -1_000_000)));
    expect(late?.broken).toBe(true);
    expect((await view.get('/list')).status).toBe(200);
    const [empty] = await asked('void', (path) => writeFile(path, ''));
    expect(empty).toMatchObject({ status: 200, broken: false, body: Buffer.alloc(0) });
  });

  it('is sent in the part that is asked for', async () => {
    const address = ((await subject('sub-01'))?.images[0]?.address ?? '').replace('volumes', 'files');
    const whole = await readFile(join(root, image('sub-01')));
    const parts: [string, number, number][] = [
      ['bytes=0-9', 0, 10],
      ['bytes=10-', 10, whole.length],
      ['bytes=-7', whole.length - 7, whole.length],
      [`bytes=5-${whole.length + 100}`, 5, whole.length],
    ];
    for (const [range, from, to] of parts) {
      const { status, headers, body } = await view.get(address, { range });
      expect(status, range).toBe(206);
      expect(headers['content-range']).toBe(`bytes ${from}-${to - 1}/${whole.length}`);
      expect(body.equals(whole.subarray(from, to))).toBe(true);
    }
    for (const range of ['bytes=1-2,4-5', 'lines=1-2', 'bytes=9-3', 'bytes=-'])
      expect((await view.get(address, { range })).status).toBe(200);
    const beyond = await view.get(address, { range: `bytes=${whole.length}-` });
    expect(beyond.status).toBe(416);
    expect(beyond.headers['content-range']).toBe(`bytes */${whole.length}`);
  });

  it('of any size is sent piece by piece: somebody who leaves has cost no more', async () => {
    const size = 5 * 2 ** 30;
    const path = join(root, image('sub-big'));
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, '');
    await truncate(path, size);
    const address = (await subject('sub-big'))?.images[0]?.address ?? '';
    const large = await view.get(address);
    expect(code(large)).toBe('NF_INPUT_LARGE');
    const file = address.replace('volumes', 'files');
    const end = await view.get(file, { range: 'bytes=-10' });
    expect(end.headers['content-range']).toBe(`bytes ${size - 10}-${size - 1}/${size}`);
    const before = process.memoryUsage().rss;
    const seen = await firstPiece(file);
    expect(seen.length).toBe(String(size));
    expect(seen.piece).toBeLessThanOrEqual(2 ** 20);
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 28);
    await rm(join(root, 'sub-big'), { recursive: true });
  });

  function firstPiece(path: string): Promise<{ length: string | undefined; piece: number }> {
    return new Promise((resolve, reject) => {
      const headers = { host: `127.0.0.1:${view.port}`, cookie: view.cookie };
      const asked = request(
        { host: '127.0.0.1', port: view.port, path: `${view.folder}/${path}`, headers },
        (response) => {
          response.once('data', (piece: Buffer) => {
            resolve({ length: response.headers['content-length'], piece: piece.length });
            asked.destroy();
          });
        },
      );
      asked.on('error', reject).end();
    });
  }
});

describe('the viewer', () => {
  it('listens on the port that is asked for, and names who has it', async () => {
    await expect(openView({ target: root, port: view.port })).rejects.toMatchObject({
      code: 'NF_PORT_TAKEN',
    });
    const other = await openView({ target: root });
    await other.close();
    const again = await openView({ target: root, port: other.port });
    expect(again.port).toBe(other.port);
    await again.close();
  });

  it('has every file of its page', async () => {
    const { body } = await view.get('/');
    const named = [...body.toString().matchAll(/(?:src|href)="([a-z]+\.[a-z]+)"/g)].map(
      ([, path]) => path ?? '',
    );
    expect(named).toEqual(['style.css', 'niivue.js', 'main.js']);
    const main = (await view.get('/main.js')).body.toString();
    const imported = [...main.matchAll(/from '\.(\/[^']+)'/g)].map(([, path]) => path ?? '');
    for (const path of [...named, ...imported]) expect((await view.get(path)).status, path).toBe(200);
  });
});
