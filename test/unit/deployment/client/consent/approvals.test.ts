import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../../src/runtime/base/digest.ts';
import {
  approveCode,
  readApprovals,
} from '../../../../../src/runtime/deployment/client/consent/approvals.ts';
import {
  type ClientFolder,
  clientFolder,
} from '../../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const CODE = sha256('code');
let folder: ClientFolder;
let count = 0;

beforeEach(async () => {
  folder = clientFolder(join(root, String(count++)));
  await mkdir(folder.root);
});

const codes = async () => (await readApprovals(folder)).approved.map(({ code_sha256: code }) => code);

describe('approved code', () => {
  it('is none at first', async () => {
    expect(await readApprovals(folder)).toEqual({ approved: [] });
  });

  it('is remembered, with who approved it and when', async () => {
    expect(await approveCode(folder, CODE)).toBe(true);
    const { approved } = await readApprovals(folder);
    expect(approved).toEqual([
      { code_sha256: CODE, by: userInfo().username, time: expect.stringMatching(/^\d{4}-.*Z$/) },
    ]);
    expect(await readdir(folder.root)).toEqual(['approvals.json']);
  });

  it('is approved once', async () => {
    await approveCode(folder, CODE);
    const before = await readFile(folder.approvals, 'utf8');
    expect(await approveCode(folder, CODE)).toBe(false);
    expect(await readFile(folder.approvals, 'utf8')).toBe(before);
  });

  it('of several people at once is all there', async () => {
    const some = Array.from({ length: 4 }, (_, index) => sha256(String(index)));
    await Promise.all(some.map((code) => approveCode(folder, code)));
    expect((await codes()).sort()).toEqual([...some].sort());
  });

  it('is approved though somebody was killed while he approved', async () => {
    const child = spawn(process.execPath, ['-e', '0']);
    await new Promise((resolve) => child.on('exit', resolve));
    await writeFile(`${folder.approvals}.lock`, `${child.pid} 1`);
    expect(await approveCode(folder, CODE)).toBe(true);
  });

  it.each([
    '',
    '{',
    '[]',
    '{"approved":[{"code_sha256":"x"}]}',
    '{"approved":[],"more":1}',
    '{"approved":[{"code_sha256":"x","by":"me","time":"yesterday"}]}',
  ])('is not read from a damaged list, nor written over it: %j', async (text) => {
    await writeFile(folder.approvals, text);
    const invalid = { code: 'NF_APPROVALS_INVALID', exitCode: 4, place: { file: folder.approvals } };
    await expect(readApprovals(folder)).rejects.toMatchObject(invalid);
    await expect(approveCode(folder, CODE)).rejects.toMatchObject(invalid);
    expect(await readFile(folder.approvals, 'utf8')).toBe(text);
    expect(await readdir(folder.root)).toEqual(['approvals.json']);
  });
});
