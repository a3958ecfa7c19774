/**
 * The Kubernetes level that is imitated. Clients read it to choose what they send: kubectl warns if it is more than one
 * minor version away, Helm compares it with a chart's kubeVersion, so it is a plain version without a suffix.
 */
export const versionBody = JSON.stringify({
  major: '1',
  minor: '35',
  emulationMajor: '1',
  emulationMinor: '35',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '34',
  gitVersion: 'v1.35.0',
  gitCommit: 'rondo',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'node',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
});
