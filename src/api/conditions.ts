interface Typed {
  readonly type: string;
  readonly status: string;
}

/** The condition of a type, if there is one. */
export function findCondition<T extends Typed>(conditions: readonly T[] | undefined, type: string): T | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Absent counts as not true. */
export function isConditionTrue(conditions: readonly Typed[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}
