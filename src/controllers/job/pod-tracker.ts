import { controllerOf, controllerUidLabel, formatTime, isPodFinished } from '../../api/index.ts';
import type { Job, Pod } from '../../api/index.ts';
import { hasTrackingFinalizer } from './pod-facts.ts';
import { isOlder } from './versions.ts';

interface Entry {
  pod: Pod;
  buckets: readonly Bucket[];
  /** This version has come from the watch, not only from our own write: nothing older can come any more. */
  confirmed: boolean;
  /** A sync has seen this version. */
  examined: boolean;
  /** We have deleted it: it stays deleted in our eyes although the watch may not say so yet. */
  deletionTimestamp: string | undefined;
}

type Bucket = Map<string, Entry>;

/**
 * The pods that a sync has to look at, with our own writes folded in, so that no decision is made on a state that we
 * know to be past. Pods that ended, were counted and examined drop out: a sync costs as much as there is undecided, not
 * as much as the Job has ever run.
 */
export class PodTracker {
  readonly #entries = new Map<string, Entry>();
  readonly #buckets = new Map<string, Bucket>();

  /** What the watch says. Returns the state known before, if that was tracked. */
  observe(pod: Pod): Pod | undefined {
    const { uid } = pod.metadata;
    const entry = this.#entries.get(uid);
    if (entry === undefined) {
      this.#insert(pod);
      return undefined;
    }
    const before = entry.pod;
    if (isOlder(pod, before)) return before;
    const isNews = isOlder(before, pod);
    entry.confirmed = true;
    if (isNews) entry.examined = false;
    this.#replace(entry, pod);
    return before;
  }

  /** What a patch of ours made of a pod that a sync had examined. */
  wrote(pod: Pod): void {
    const entry = this.#entries.get(pod.metadata.uid);
    // No entry: its deletion has been seen already. A newer one: somebody else has written since.
    if (entry === undefined || isOlder(pod, entry.pod)) return;
    entry.confirmed &&= !isOlder(entry.pod, pod);
    entry.examined = true;
    this.#replace(entry, pod);
  }

  /** A pod that our patch did not find any more: until the watch says so, it is at least without finalizer. */
  vanished(pod: Pod): void {
    this.wrote({ ...pod, metadata: { ...pod.metadata, finalizers: [] } });
  }

  /** A deletion of ours was accepted; there is no way back from that. */
  deleting(pod: Pod, nowMs: number): void {
    const entry = this.#entries.get(pod.metadata.uid);
    if (entry === undefined) return;
    entry.deletionTimestamp = formatTime(nowMs);
    this.#replace(entry, entry.pod);
  }

  remove(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#leaveBuckets(entry);
    this.#entries.delete(uid);
  }

  /** Pods whose controller is this Job. */
  ofJob(jobUid: string): readonly Pod[] {
    return podsIn(this.#buckets.get(ownedKey(jobUid)));
  }

  /** How many there are; costs nothing. */
  countOfJob(jobUid: string): number {
    return this.#buckets.get(ownedKey(jobUid))?.size ?? 0;
  }

  /** Pods without controller that this Job's selector could match. */
  orphansFor(job: Job): readonly Pod[] {
    const namespace = job.metadata.namespace ?? '';
    const uid = job.spec.selector?.matchLabels?.[controllerUidLabel];
    return podsIn(this.#buckets.get(uid === undefined ? orphanKey(namespace) : labelledOrphanKey(namespace, uid)));
  }

  /** A sync that took effect has looked at these very versions. */
  examined(pods: readonly Pod[]): void {
    for (const pod of pods) {
      const entry = this.#entries.get(pod.metadata.uid);
      if (entry === undefined || entry.pod !== pod) continue;
      entry.examined = true;
      this.#dropIfSettled(entry);
    }
  }

  /** No sync will ask for this Job's pods again. */
  forgetJob(jobUid: string): void {
    for (const uid of [...(this.#buckets.get(ownedKey(jobUid))?.keys() ?? [])]) this.remove(uid);
  }

  /** For tests and measurements. */
  get size(): number {
    return this.#entries.size;
  }

  #insert(pod: Pod): void {
    const entry: Entry = { pod, buckets: [], confirmed: true, examined: false, deletionTimestamp: undefined };
    this.#entries.set(pod.metadata.uid, entry);
    this.#enterBuckets(entry);
  }

  #replace(entry: Entry, pod: Pod): void {
    const { deletionTimestamp } = entry;
    const marked = deletionTimestamp === undefined || pod.metadata.deletionTimestamp !== undefined;
    const next = marked ? pod : { ...pod, metadata: { ...pod.metadata, deletionTimestamp } };
    const moved = !isPlacedAlike(entry.pod, next);
    if (moved) this.#leaveBuckets(entry);
    entry.pod = next;
    if (moved) this.#enterBuckets(entry);
    this.#dropIfSettled(entry);
  }

  #dropIfSettled({ pod, confirmed, examined }: Entry): void {
    if (!confirmed || !examined || !isPodFinished(pod) || hasTrackingFinalizer(pod)) return;
    if (controllerOf(pod) !== undefined) this.remove(pod.metadata.uid);
  }

  #enterBuckets(entry: Entry): void {
    entry.buckets = placeOf(entry.pod).map((key) => {
      let bucket = this.#buckets.get(key);
      if (bucket === undefined) this.#buckets.set(key, (bucket = new Map<string, Entry>()));
      bucket.set(entry.pod.metadata.uid, entry);
      return bucket;
    });
  }

  #leaveBuckets({ pod, buckets }: Entry): void {
    for (const bucket of buckets) bucket.delete(pod.metadata.uid);
    for (const key of placeOf(pod)) if (this.#buckets.get(key)?.size === 0) this.#buckets.delete(key);
  }
}

function podsIn(bucket: Bucket | undefined): readonly Pod[] {
  return bucket === undefined ? [] : Array.from(bucket.values(), ({ pod }) => pod);
}

/** Versions share what was not written anew, so mostly there is nothing to compare. */
function isPlacedAlike(a: Pod, b: Pod): boolean {
  if (a.metadata.ownerReferences === b.metadata.ownerReferences && a.metadata.labels === b.metadata.labels) return true;
  return placeOf(a).join() === placeOf(b).join();
}

/** Under which keys a pod is found. */
function placeOf(pod: Pod): readonly string[] {
  const controller = controllerOf(pod);
  if (controller !== undefined) return [ownedKey(controller.uid)];
  const namespace = pod.metadata.namespace ?? '';
  const uid = pod.metadata.labels?.[controllerUidLabel];
  return uid === undefined ? [orphanKey(namespace)] : [orphanKey(namespace), labelledOrphanKey(namespace, uid)];
}

function ownedKey(jobUid: string): string {
  return `owned/${jobUid}`;
}

function orphanKey(namespace: string): string {
  return `orphan/${namespace}`;
}

function labelledOrphanKey(namespace: string, controllerUid: string): string {
  return `orphan/${namespace}/${controllerUid}`;
}
