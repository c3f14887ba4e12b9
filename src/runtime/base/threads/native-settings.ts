/**
 * What native libraries read from the environment of the process. A thread cannot set it for them, so it is set before
 * threads start.
 *
 * onnxruntime 1.30 reports to its maker from every process that loads it and leaves files in the folder for temporary
 * ones: what happens at a site is nobody else's affair. TensorFlow prints notes for its developers.
 */
export const NATIVE_SETTINGS = { ORT_DISABLE_TELEMETRY: '1', TF_CPP_MIN_LOG_LEVEL: '2' } as const;

export function applyNativeSettings(): void {
  const { ORT_DISABLE_TELEMETRY, TF_CPP_MIN_LOG_LEVEL } = NATIVE_SETTINGS;
  process.env.ORT_DISABLE_TELEMETRY = ORT_DISABLE_TELEMETRY;
  process.env.TF_CPP_MIN_LOG_LEVEL ??= TF_CPP_MIN_LOG_LEVEL;
}
