// Where Services lead to: Endpoints and EndpointSlices. Promises: they follow Pods and Services; those of Services without
// a selector are left alone.
export { createEndpointsController, reachablePods } from './controller.ts';
