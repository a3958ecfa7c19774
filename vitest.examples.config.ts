import { defineConfig } from 'vitest/config';

/** The examples on real parts, which need packages that this machine may not have (npm run test:examples). */
export default defineConfig({
  test: {
    include: ['tests/examples/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    reporters: ['default', ['json', { outputFile: '.cache/examples-results.json' }]],
  },
});
