// What runs when a test broker runs. In the package it is a file of its own with V8's code cache beside it, and this module's place is
// taken by one that loads that file (scripts/bundle.mjs, docs/decisions/0015).
export { loadConfig } from '../server/load-config.ts'
export { System } from '../server/system.ts'
export { Machine } from './machine.ts'
