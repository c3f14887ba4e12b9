import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { SiteJobFolder } from '../../../../src/runtime/deployment/client/memory/client-folder.ts';
import type { TaskOutcome } from '../../../../src/runtime/site/executor/executor.ts';
import type { PythonExecutor } from '../../../../src/runtime/site/python/python-executor.ts';
import { pythonExecutor, pythonOrder } from '../../../support/python-script.ts';
import { makeJobFolder, watching } from '../../../support/script-process.ts';
import { SYSTEM_PYTHON } from '../../../support/system-python.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const SECRET = 'the private key of the kit';
let count = 0;
let folder: SiteJobFolder;
let executor: PythonExecutor | undefined;

afterEach(async () => {
  await executor?.close();
  executor = undefined;
});

/** A script that has a task, and says to neuroflare what it likes. */
async function run(body: string): Promise<TaskOutcome> {
  const at = join(root, String(count++));
  folder = await makeJobFolder(join(at, 'work'));
  executor = pythonExecutor(folder, { interpreter: SYSTEM_PYTHON ?? '' });
  const text = `import ctypes, json, os, shutil, socket, sys, time
import nvflare.client as flare, neuroflare_link
seen, ask = [], neuroflare_link._Link.ask
neuroflare_link._Link.ask = lambda self, message: seen.append(ask(self, message)) or seen[-1]
flare.init(); model = flare.receive(); link = neuroflare_link.link(); task = seen[-1]
bundle = os.environ['NEUROFLARE_BUNDLE']
def say(message): link.tell(message)
def result(**more): return {'type': 'result', 'id': 'train/1', 'params': True, 'params_type': 'FULL', 'metrics': {}, 'weight': 1, **more}
def fails(file, line=1): say({'type': 'failure', 'kind': 'E', 'message': '', 'file': file, 'line': line, 'traceback': ''})
def connect():
    one = socket.socket(socket.AF_UNIX); one.connect(os.environ['NEUROFLARE_CLIENT']); return one
${body}
time.sleep(1000)
`;
  const order = await pythonOrder(folder, text);
  await writeFile(join(folder.root, 'secret'), SECRET);
  await mkdir(folder.home, { recursive: true });
  return executor.run(order, watching({}));
}

describe.skipIf(!SYSTEM_PYTHON)('a hostile script in Python', () => {
  it.each([
    [
      'a value in 400,000 lists',
      `link._stream.write(b'{"type":"log","key":"a","kind":"","writer":"","step":0,"more":0,"value":' + b'[' * 400000 + b']' * 400000 + b'}\\n'); link._stream.flush()`,
      /form/,
    ],
    [
      'questions whose answers it does not read',
      `one = connect(); hello = json.dumps({'type': 'hello', 'protocol': 1, 'token': os.environ['NEUROFLARE_TOKEN'], 'python': '3'}).encode() + b'\\n'
try:
    while True: one.sendall(hello * 100)
except OSError: pass`,
      /reads no answer/,
    ],
    ['messages without end on many connections', 'ones = [connect() for _ in range(200)]', /more than 128/],
  ])('fails its task alone by %s', async (_, body, message) => {
    expect(await run(body)).toMatchObject({
      type: 'failure',
      error: { code: 'NF_SCRIPT_MESSAGE', message: expect.stringMatching(message) },
    });
  });

  it.each([
    ['by .. behind the folder of the job', "fails(bundle + '/../secret')"],
    ['as the place of a crash', 'print(f\'File "{bundle}/../secret", line 1\', file=sys.stderr); os.abort()'],
    ['by a link', "os.symlink('../secret', bundle + '/own.py'); fails(bundle + '/own.py')"],
    ['that is a pipe', "os.mkfifo(bundle + '/own.py'); fails(bundle + '/own.py')"],
    ['that has no end', "os.symlink('/dev/zero', bundle + '/own.py'); fails(bundle + '/own.py')"],
    ['of an answer', "say(result(params=False, at={'file': bundle + '/../secret', 'line': 1}))"],
  ])(
    'is shown no line of a file that it may not read, named as the place of its failure %s',
    async (_, body) => {
      const outcome = await run(body);
      expect(outcome).toMatchObject({ type: 'failure' });
      expect(JSON.stringify(outcome)).not.toContain(SECRET);
      expect(outcome).not.toHaveProperty('error.place.excerpt');
    },
  );

  it.each([
    ['a link to the model', 'os.symlink(task["model"], task["result"])'],
    ['a pipe', 'os.mkfifo(task["result"])'],
    ['a folder', 'os.mkdir(task["result"])'],
  ])('has its file refused that is %s', async (_, body) => {
    expect(await run(`${body}\nsay(result())`)).toMatchObject({
      error: { code: 'NF_RESULT_INVALID', message: expect.stringContaining('is no file') },
    });
  });

  it('has one answer to a task, whatever it sends behind it', async () => {
    const body = `shutil.copyfile(task['model'], task['result'])
line = json.dumps(result()).encode() + b'\\n'
link._stream.write(line * 3); link._stream.flush()
replies = [link._replies.get() for _ in range(3)]
open('replies', 'w').write(json.dumps(replies)); os._exit(0)`;
    expect(await run(body)).toMatchObject({ type: 'result' });
    await expect.poll(() => readFile(join(folder.home, 'replies'), 'utf8').catch(() => '')).toMatch(/\}\]$/);
    const replies = JSON.parse(await readFile(join(folder.home, 'replies'), 'utf8'));
    expect(replies.map(({ type }: { type: string }) => type).sort()).toEqual([
      'accepted',
      'rejected',
      'rejected',
    ]);
  });
});
