import type { PodTemplateSpec } from '../../../api/index.ts';
import { listOf } from '../value-rules.ts';
import { wideColumn } from '../table-columns.ts';

/** Wide columns of kinds that make pods. */
export const templateColumns = [
  wideColumn('Containers', 'Names of the containers.'),
  wideColumn('Images', 'Images of the containers.'),
  wideColumn('Selector', 'Which pods belong to it.'),
];

export function containerNames(template: PodTemplateSpec | undefined): string {
  return listOf(template?.spec?.containers)
    .map((container) => container.name)
    .join(',');
}

export function containerImages(template: PodTemplateSpec | undefined): string {
  return listOf(template?.spec?.containers)
    .map((container) => container.image ?? '')
    .join(',');
}
