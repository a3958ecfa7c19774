import { describe, expect, it } from 'vitest';
import { systemClock } from '../../clock/index.ts';
import { WritePace } from './write-pace.ts';

function quickPace(): WritePace {
  const pace = new WritePace();
  pace.took(0.2);
  return pace;
}

describe('the pace of durable writes', () => {
  it('begins in the pool, and comes back only for small writes to a quick disk', () => {
    const pace = new WritePace();
    expect(pace.allowsNow(100)).toBe(false);
    pace.took(0.2);
    expect([pace.allowsNow(100), pace.allowsNow(10_000)]).toEqual([true, false]);
    pace.took(4);
    expect(pace.allowsNow(100)).toBe(false);
  });

  it('lets one writer alone write at once, turn after turn', async () => {
    const pace = quickPace();
    for (let turn = 0; turn < 1000; turn++) {
      expect(pace.allowsNow(100)).toBe(true);
      await systemClock.yield();
    }
  });

  it('rests in the pool once many writes came in one turn, and then tries again', async () => {
    const pace = quickPace();
    const answers = Array.from({ length: 7 }, () => pace.allowsNow(100));
    expect(answers).toEqual([true, true, true, true, true, true, false]);
    await systemClock.yield();
    expect(Array.from({ length: 512 }, () => pace.allowsNow(100))).not.toContain(true);
    expect(pace.allowsNow(100)).toBe(true);
  });
});
