/** What computes, by name. */
export const ENGINE_NAMES = ['ort', 'tensorflow', 'cpu'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** What `--engine` takes. */
export const ENGINE_CHOICES = ['auto', ...ENGINE_NAMES] as const;
export type EngineChoice = (typeof ENGINE_CHOICES)[number];
