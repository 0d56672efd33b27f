/** First in every pack: one that ends before all its files are loaded has not run all its tests, and fails. */
process.once('exit', () => {
  if ('isPackLoaded' in globalThis) return
  console.error('The process ended before every test file of its pack was loaded.')
  process.exitCode = 1
})
