//go:build !race

package chaintest

// thin is how many cases of a table there are for each that is run: all are.
const thin = 1
