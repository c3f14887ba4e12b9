import { serveOperations } from '../../runtime/base/threads/serve-operations.ts';
import { landmarksOfImage } from './image-landmarks.ts';
import { prepareImage } from './prepare-image.ts';

export const volumeOperations = { prepareImage, landmarksOfImage };
serveOperations(volumeOperations);
