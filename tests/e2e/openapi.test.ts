import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectlVersions, removeDirectory, startRondo, type Rondo } from './rondo.ts';

let rondo: Rondo;
beforeAll(async () => {
  rondo = await startRondo();
});
afterAll(async () => {
  expect(await rondo.stop()).toBe(0);
  removeDirectory(rondo.dataDir);
});

const wrong = `
apiVersion: batch/v1
kind: Job
metadata: {name: wrong}
spec:
  bogus: 1
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: rondo.dev/host}]}}
`;

describe.each(kubectlVersions(['1.28', '1.30', '1.32', '1.34', '1.35']))('kubectl $version', ({ path }) => {
  it('explains a field and the types below it', () => {
    const { stdout, status } = rondo.kubectl(['explain', 'job.spec.podFailurePolicy.rules'], { path });
    expect(status).toBe(0);
    expect(stdout).toMatch(/KIND: +Job/);
    expect(stdout).toMatch(/onExitCodes\s+<PodFailurePolicyOnExitCodesRequirement>/);
    expect(stdout).toMatch(/action\s+<string>/);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('FailJob ends the Job as failed, FailIndex the index');
  });

  it('explains a kind with everything in it', () => {
    const { stdout, status } = rondo.kubectl(['explain', 'cronjob', '--recursive'], { path });
    expect(status).toBe(0);
    expect(stdout).toMatch(/containerPort\s+<integer>/);
    expect(stdout).toMatch(/limits\s+<map\[string\]Quantity>/);
  });

  it('has a field refused that no schema knows', () => {
    const { stderr, status } = rondo.kubectl(['apply', '--validate=true', '-f', '-'], { path, input: wrong });
    expect(status).toBe(1);
    expect(stderr).toContain('unknown field "spec.bogus"');
  });
});
