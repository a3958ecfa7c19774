// The published test kit. Promises: the same test gives the same result every time. Must not be imported by product code.
export { aContainer, aJob, aNamespace, aNode, aPod, type MetadataOverrides } from './builders.ts';
export { FakeClient, type FakeCall } from './fake-client.ts';
export { seededRandom, VirtualClock as FakeClock, virtualStartMs as fakeStartMs } from '../clock/index.ts';
export { testContext, type TestContext } from './test-context.ts';
export { startTestEngine, type TestEngine } from './test-engine.ts';
