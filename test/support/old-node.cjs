// Preloaded with --require: this Node calls itself one that is too old.
const versions = { ...process.versions, node: '20.0.0' };
Object.defineProperty(process, 'versions', { value: versions });
