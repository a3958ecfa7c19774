#!/usr/bin/env node
import { main } from './cli/index.ts';

process.exitCode = await main(process.argv.slice(2));
// After a failure something may still be open (the port, timers): it must not keep the process alive.
if (process.exitCode !== 0) process.stdout.write('', () => process.exit());
