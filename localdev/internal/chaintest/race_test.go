//go:build race

package chaintest

// thin is how many cases of a table there are for each that is run. The race
// detector makes a run several times as dear; without it all are run.
const thin = 7
