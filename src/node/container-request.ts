import type { Pod } from '../api/index.ts';
import type { ContainerRequest } from '../runtimes/index.ts';
import { withReadOnlyClaims } from './claim-volumes.ts';
import { containerId, type ContainerView } from './container-view.ts';
import { expand, resolveEnvironment, type ContainerSources } from './environment.ts';

/**
 * What a runtime is told to start, but for the image; and the variables with values from Secrets that stand in the
 * arguments, where whoever may list processes can read them.
 * @throws RuntimeError CreateContainerConfigError
 */
export async function containerRequest(
  pod: Pod,
  view: Pick<ContainerView, 'container' | 'attempt'>,
  sources: ContainerSources,
): Promise<{ readonly request: ContainerRequest; readonly revealed: ReadonlySet<string> }> {
  const { container } = view;
  const env = await resolveEnvironment(pod, container, sources);
  const entries = new Map(env.map((entry) => [entry.name, entry]));
  const revealed = new Set<string>();
  const expandAll = (texts: readonly string[] = []): readonly string[] =>
    texts.map((text) =>
      expand(text, (name) => {
        const entry = entries.get(name);
        if (entry?.secret === true) revealed.add(name);
        return entry?.value;
      }),
    );
  const request = {
    id: containerId(pod, view),
    pod,
    container: withReadOnlyClaims(pod, container),
    env,
    command: expandAll(container.command),
    args: expandAll(container.args),
  };
  return { request, revealed };
}
