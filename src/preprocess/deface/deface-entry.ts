import { serveOperations } from '../../runtime/base/threads/serve-operations.ts';
import { defaceNiftis } from './deface-nifti.ts';
import { defaceImage } from './tree/deface-image.ts';

export const defaceOperations = { defaceNiftis, defaceImage };
serveOperations(defaceOperations);
