package migration

import "github.com/sallyport-io/sallyport/shared/record"

// Chain is migrations of which each leads from the version that the one before it
// leads to. It is total, as each of them is. An empty chain leaves rows as they are.
type Chain []*Migration

// Format is how rows that came in a format are written at the end of the chain.
func (c Chain) Format(in record.Format) record.Format {
	for _, m := range c {
		in = m.Format(in)
	}
	return in
}

// Reader answers the rows of in, which are written in a format, as rows of the
// version at the end of the chain: see Migration.Reader.
func (c Chain) Reader(in record.Reader, format record.Format, limits record.Limits) (record.Reader, error) {
	for _, m := range c {
		r, err := m.Reader(in, format, limits)
		if err != nil {
			return nil, err
		}
		in, format = r, m.Format(format)
		limits.Row = m.limit(limits.WithDefaults().Row)
	}
	return in, nil
}
