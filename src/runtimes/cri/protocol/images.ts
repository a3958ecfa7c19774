import { child, flag, integer, list, message, optionalInteger, text } from './message.ts';
import { imageSpec } from './containers.ts';
import { sandboxConfig } from './pod-sandboxes.ts';

export const image = message({
  id: text(1),
  repoTags: list(text(2)),
  repoDigests: list(text(3)),
  size: integer(4),
  uid: optionalInteger(5),
  username: text(6),
  pinned: flag(8),
});

const wanted = message({ image: child(1, imageSpec) });

export const listImages = {
  request: message({ filter: child(1, wanted) }),
  response: message({ images: list(child(1, image)) }),
};
export const imageStatus = { request: wanted, response: message({ image: child(1, image) }) };
export const pullImage = {
  request: message({
    image: child(1, imageSpec),
    auth: child(2, message({ username: text(1), password: text(2), auth: text(3), serverAddress: text(4) })),
    sandboxConfig: child(3, sandboxConfig),
  }),
  response: message({ imageRef: text(1) }),
};
export const removeImage = wanted;
