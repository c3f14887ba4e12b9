import { Flags } from '@oclif/core';

/** Flags that several commands take and that mean the same in each. */

/** `--workspace`, `-w`: where the runs are. */
export const workspaceFlag = Flags.string({ char: 'w', default: 'work', summary: 'folder of the runs' });

/** `--set NAME=VALUE`, any number of times. */
export const setFlag = Flags.string({
  multiple: true,
  multipleNonGreedy: true,
  default: [],
  summary: 'NAME=VALUE, as in `job create`',
});
