import { serveOperations } from '../../runtime/base/threads/serve-operations.ts';
import { readFigshareFacts, readFigshareSlice } from './figshare-file.ts';

serveOperations({ facts: readFigshareFacts, slice: readFigshareSlice });
