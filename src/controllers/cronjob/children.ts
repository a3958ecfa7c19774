import { controllerOf, objectKey, type Job, type OwnerReference } from '../../api/index.ts';

/** Index of Jobs by the key of their CronJob. */
export const byController = 'cronjob/controller-name';

/** As upstream, by the name alone: neither the kind nor the uid of the owner is compared. */
export function controllerNames(job: Job): readonly string[] {
  const owner = controllerOf(job);
  return owner === undefined ? [] : [keyOfOwner(job, owner)];
}

/** The key of the CronJob that a Job belongs to. */
export function keyOfOwner(job: Job, owner: OwnerReference): string {
  return objectKey({ namespace: job.metadata.namespace, name: owner.name });
}
