import * as containers from './containers.ts';
import * as images from './images.ts';
import { child, flag, list, message, text, type Message } from './message.ts';
import * as sandboxes from './pod-sandboxes.ts';

/** One call of the protocol. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly encode: (request: Request) => Buffer;
  readonly decode: (bytes: Buffer) => Response;
}

function method<Request, Response>(
  path: string,
  request: Pick<Message<unknown, Request>, 'encode'>,
  response: Pick<Message<Response, unknown>, 'decode'>,
): Method<Request, Response> {
  return { path: `/runtime.v1.${path}`, encode: request.encode, decode: response.decode };
}

const { nothing } = containers;
const condition = message({ type: text(1), status: flag(2), reason: text(3), message: text(4) });
const runtimeStatus = message({
  status: child(1, message({ conditions: list(child(1, condition)) })),
  features: child(4, message({ supplementalGroupsPolicy: flag(1) })),
});
const version = message({ runtimeName: text(2), runtimeVersion: text(3), runtimeApiVersion: text(4) });

type Declare = <Request, Response>(
  name: string,
  request: Pick<Message<unknown, Request>, 'encode'>,
  response: Pick<Message<Response, unknown>, 'decode'>,
) => Method<Request, Response>;

const runtime: Declare = (name, request, response) => method(`RuntimeService/${name}`, request, response);
const image: Declare = (name, request, response) => method(`ImageService/${name}`, request, response);

/** The calls that Rondo makes. */
export const methods = {
  version: runtime('Version', message({ version: text(1) }), version),
  status: runtime('Status', nothing, runtimeStatus),
  runPodSandbox: runtime('RunPodSandbox', sandboxes.runPodSandbox.request, sandboxes.runPodSandbox.response),
  stopPodSandbox: runtime('StopPodSandbox', sandboxes.sandboxId, nothing),
  removePodSandbox: runtime('RemovePodSandbox', sandboxes.sandboxId, nothing),
  podSandboxStatus: runtime(
    'PodSandboxStatus',
    sandboxes.podSandboxStatus.request,
    sandboxes.podSandboxStatus.response,
  ),
  listPodSandbox: runtime('ListPodSandbox', sandboxes.listPodSandbox.request, sandboxes.listPodSandbox.response),
  createContainer: runtime('CreateContainer', containers.createContainer.request, containers.createContainer.response),
  startContainer: runtime('StartContainer', containers.containerId, nothing),
  stopContainer: runtime('StopContainer', containers.stopContainer, nothing),
  removeContainer: runtime('RemoveContainer', containers.containerId, nothing),
  listContainers: runtime('ListContainers', containers.listContainers.request, containers.listContainers.response),
  containerStatus: runtime('ContainerStatus', containers.status.request, containers.status.response),
  listContainerStats: runtime('ListContainerStats', containers.listStats.request, containers.listStats.response),
  reopenContainerLog: runtime('ReopenContainerLog', containers.containerId, nothing),
  execSync: runtime('ExecSync', containers.execSync.request, containers.execSync.response),
  exec: runtime('Exec', containers.exec.request, containers.exec.response),
  attach: runtime('Attach', containers.attach.request, containers.attach.response),
  portForward: runtime('PortForward', sandboxes.portForward.request, sandboxes.portForward.response),
  containerEvents: runtime('GetContainerEvents', nothing, containers.containerEvent),
  listImages: image('ListImages', images.listImages.request, images.listImages.response),
  imageStatus: image('ImageStatus', images.imageStatus.request, images.imageStatus.response),
  pullImage: image('PullImage', images.pullImage.request, images.pullImage.response),
  removeImage: image('RemoveImage', images.removeImage, nothing),
};
