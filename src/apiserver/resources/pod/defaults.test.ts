import { describe, expect, it } from 'vitest';
import { pod } from '../pod.ts';
import { created, withValues } from '../rule-cases.fixture.ts';
import { samplePod as draft } from './sample.fixture.ts';

describe('defaults of a Pod', () => {
  it('are those of the golden object', () => {
    expect(created(pod, draft)).toEqual({
      ...draft,
      spec: {
        containers: [
          {
            name: 'main',
            image: 'busybox',
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            resources: {},
          },
        ],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        schedulerName: 'default-scheduler',
        securityContext: {},
        enableServiceLinks: true,
      },
      status: { phase: 'Pending', qosClass: 'BestEffort' },
    });
  });

  it('reach into all parts', () => {
    const full = withValues(draft, {
      'spec.serviceAccount': 'robot',
      'spec.volumes': [
        { name: 'a' },
        { name: 'b', configMap: { name: 'c' } },
        { name: 'c', secret: { secretName: 's' } },
        { name: 'd', hostPath: { path: '/x' } },
        {
          name: 'e',
          projected: {
            sources: [
              { serviceAccountToken: { path: 't' } },
              { downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } },
            ],
          },
        },
      ],
      'spec.initContainers': [{ name: 'i', image: 'x:1', resources: { limits: { memory: '1024Mi' } } }],
      'spec.containers.0.env': [{ name: 'N', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      'spec.containers.0.ports': [{ containerPort: 80 }],
      'spec.containers.0.resources': { limits: { cpu: '1000m', memory: '1Gi' }, requests: { cpu: '0.5' } },
      'spec.containers.0.readinessProbe': { httpGet: { port: 80 } },
      'spec.containers.0.lifecycle': { preStop: { httpGet: { port: 80 } } },
    });
    const { spec, status } = created(pod, full);
    expect(spec.serviceAccountName).toBe('robot');
    expect(spec.volumes).toEqual([
      { name: 'a', emptyDir: {} },
      { name: 'b', configMap: { name: 'c', defaultMode: 420 } },
      { name: 'c', secret: { secretName: 's', defaultMode: 420 } },
      { name: 'd', hostPath: { path: '/x', type: '' } },
      {
        name: 'e',
        projected: {
          defaultMode: 420,
          sources: [
            { serviceAccountToken: { path: 't', expirationSeconds: 3600 } },
            { downwardAPI: { items: [{ path: 'n', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } }] } },
          ],
        },
      },
    ]);
    expect(spec.initContainers?.[0]).toMatchObject({
      imagePullPolicy: 'IfNotPresent',
      resources: { limits: { memory: '1Gi' }, requests: { memory: '1Gi' } },
    });
    expect(spec.containers[0]).toMatchObject({
      env: [{ name: 'N', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } }],
      ports: [{ containerPort: 80, protocol: 'TCP' }],
      resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m', memory: '1Gi' } },
      readinessProbe: {
        httpGet: { port: 80, path: '/', scheme: 'HTTP' },
        timeoutSeconds: 1,
        periodSeconds: 10,
        successThreshold: 1,
        failureThreshold: 3,
      },
      lifecycle: { preStop: { httpGet: { port: 80, path: '/', scheme: 'HTTP' } } },
    });
    expect(status.qosClass).toBe('Burstable');
  });

  it.each([
    ['busybox', 'Always'],
    ['busybox:latest', 'Always'],
    ['localhost:5000/busybox', 'Always'],
    ['localhost:5000/busybox:1', 'IfNotPresent'],
    ['busybox@sha256:0123', 'IfNotPresent'],
    ['', 'IfNotPresent'],
  ])('pull the image "%s" %s', (image, policy) => {
    expect(created(pod, withValues(draft, { 'spec.containers.0.image': image })).spec.containers[0]).toHaveProperty(
      'imagePullPolicy',
      policy,
    );
  });

  it('leave what is complete untouched, so that defaulting again is free', () => {
    const object = created(pod, draft);
    const { spec } = object;
    pod.setDefaults?.(object);
    expect(object.spec).toBe(spec);
  });

  it('make Pods with equal requests and limits Guaranteed', () => {
    const limits = { cpu: '1', memory: '1Gi' };
    expect(created(pod, withValues(draft, { 'spec.containers.0.resources': { limits } })).status.qosClass).toBe(
      'Guaranteed',
    );
  });

  it('hold back Pods with scheduling gates', () => {
    const { status } = created(pod, withValues(draft, { 'spec.schedulingGates': [{ name: 'a' }] }));
    expect(status.conditions).toMatchObject([{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }]);
  });
});
