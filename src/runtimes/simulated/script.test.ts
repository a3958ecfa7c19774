import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/index.ts';
import { durationAnnotation, exitCodeAnnotation, scriptError, scriptOf, workKey } from './script.ts';

function pod(annotations: Record<string, string>, owner?: string): Pod {
  const reference = { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: owner ?? '', controller: true };
  const ownerReferences = owner === undefined ? [] : [reference];
  const metadata = { name: 'p', uid: 'u', resourceVersion: '1', creationTimestamp: '', annotations, ownerReferences };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] }, status: {} };
}

const codes: readonly [text: string, index: string | undefined, container: string, start: number, exitCode: number][] =
  [
    ['0', undefined, 'main', 0, 0],
    ['7', undefined, 'main', 9, 7],
    ['1,1,0', undefined, 'main', 0, 1],
    ['1,1,0', undefined, 'main', 1, 1],
    ['1,1,0', undefined, 'main', 2, 0],
    ['1,1,0', undefined, 'main', 5, 0],
    ['index:1=3;index:2=0', '1', 'main', 0, 3],
    ['index:1=3;index:2=0', '2', 'main', 0, 0],
    ['index:1=3;5', '0', 'main', 0, 5],
    ['5;index:1=3', '1', 'main', 0, 3],
    ['index:1=3', '0', 'main', 0, 0],
    ['index:1=1,0;9', '1', 'main', 1, 0],
    ['container:side=2; 0', undefined, 'side', 0, 2],
    ['container:side=2; 0', undefined, 'main', 0, 0],
    ['oom', undefined, 'main', 0, 137],
  ];

describe('scripts of simulated containers', () => {
  it.each(codes)('%j at index %s, container %s, start %i ends with %i', (text, index, container, start, exitCode) => {
    const annotations = { [exitCodeAnnotation]: text };
    const indexed = index === undefined ? {} : { 'batch.kubernetes.io/job-completion-index': index };
    const script = scriptOf(pod({ ...annotations, ...indexed }), { container, start });
    expect(script).toMatchObject({ exitCode, oomKilled: text === 'oom', durationMs: 0 });
  });

  it('takes durations by the same grammar, also without end', () => {
    const script = (text: string) => scriptOf(pod({ [durationAnnotation]: text }), { container: 'main', start: 0 });
    expect([script('250').durationMs, script('never').durationMs]).toEqual([250, Infinity]);
  });

  it.each(['', 'x', '256', '-1', '1,', 'index:a=1', 'other:1=1', '1;;2', '1=2=3'])('refuses %j', (text) => {
    expect(scriptError(pod({ [exitCodeAnnotation]: text }))).toContain(exitCodeAnnotation);
  });

  it('counts all Pods of one owner and index as tries of the same work', () => {
    const index = { 'batch.kubernetes.io/job-completion-index': '1' };
    expect(workKey(pod(index, 'job'), 'main')).toBe(workKey(pod(index, 'job'), 'main'));
    const keys = [pod(index, 'job'), pod({}, 'job'), pod(index, 'other'), pod(index)].map((p) => workKey(p, 'main'));
    expect(new Set(keys).size).toBe(4);
  });
});
