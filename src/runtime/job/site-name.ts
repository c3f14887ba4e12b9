import { z } from 'zod';
import { FOLDER_NAME, FOLDER_NAME_RULE } from '../base/text/folder-name.ts';

/** What a site may be called: folders have its name. */
export const siteName = z.string().regex(FOLDER_NAME, FOLDER_NAME_RULE);
