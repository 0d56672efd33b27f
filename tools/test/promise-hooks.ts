/**
 * Loaded into every test process before the test runner (`node --import`): the runner follows every promise, to say
 * which test an error belongs to that nobody handles. Tests of servers make millions, and spent up to a fifth of
 * their time on it. Without it such an error fails the file instead of the one test.
 */
import asyncHooks from 'node:async_hooks'

const { createHook } = asyncHooks
asyncHooks.createHook = (callbacks) => createHook({ ...callbacks, trackPromises: false })
