export type { DType, NdArray, ParamSet } from '../runtime/tensors/nd-array.ts';
export type { ReceivedModel, SentModel, SiteData } from '../runtime/train/client/fl-model.ts';
export {
  args,
  data,
  init,
  isEvaluate,
  isRunning,
  isTrain,
  jobName,
  loadState,
  model,
  receive,
  saveState,
  seed,
  send,
  siteName,
} from '../runtime/train/client/flare.ts';
