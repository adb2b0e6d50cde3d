package keys

import (
	"context"
	"errors"
	"net/url"

	"gocloud.dev/blob"
	"gocloud.dev/secrets"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

// Open opens the ring that a URL names:
//
//	file:///etc/sallyport/keyring.json       a file that only its owner may read
//	keyring.json                             likewise, by its path
//	file:///keyring.json?keeper=awskms%3A%2F%2F...
//	                                         its keys are wrapped by the keeper, a gocloud secrets URL
//	s3://bucket?region=x&ring=keyring.json&keeper=awskms%3A%2F%2F...
//	                                         an object in any gocloud bucket; a keeper is required
//
// The drivers of keepers and buckets are those that the program has linked in.
// No error holds the URL, because the URL of a keeper may hold its key.
func Open(ctx context.Context, ringURL string) (*Ring, error) {
	l, err := parse(ringURL)
	if err != nil {
		return nil, err
	}
	s, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	r := &Ring{place: s}
	if err := r.load(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return r, nil
}

// location is the URL of a ring taken apart.
type location struct {
	path   string // of a file; "" for an object in a bucket
	bucket string // URL
	object string // key in the bucket
	keeper string // URL; "" if the keys are not wrapped
}

func parse(ringURL string) (location, error) {
	malformed := func(msg string) (location, error) {
		return location{}, fault.New(fault.Denied, CodeURL, "the URL of the key ring "+msg,
			"write file:///path/keyring.json, with ?keeper=<URL, percent-encoded> if its keys are wrapped")
	}
	u, err := url.Parse(ringURL)
	if err != nil || ringURL == "" {
		return malformed("is none")
	}
	options := u.Query()
	l := location{keeper: options.Get("keeper"), object: options.Get("ring")}
	if options.Has("keeper") && l.keeper == "" {
		return malformed("names an empty keeper")
	}
	options.Del("keeper")
	options.Del("ring")
	if u.Scheme == "" || u.Scheme == "file" {
		l.path = u.Host + u.Path // file://./keyring.json has the host "."
		if l.path == "" || l.object != "" || len(options) > 0 {
			return malformed("names no file, or has an option that files do not have")
		}
		return l, nil
	}
	if l.object == "" || l.keeper == "" {
		return malformed("names a bucket: it needs ring=<key of the object> and keeper=<URL> then")
	}
	u.RawQuery = options.Encode()
	l.bucket = u.String()
	return l, nil
}

// place is where a ring lies, opened.
type place struct {
	location
	bucket *blob.Bucket    // nil: a file
	keeper *secrets.Keeper // nil: the keys are not wrapped
}

// open opens the keeper and the bucket. Their own errors may hold the URL, and
// are not told.
func (l location) open(ctx context.Context) (*place, error) {
	p := &place{location: l}
	var err error
	if l.keeper != "" {
		if p.keeper, err = secrets.OpenKeeper(ctx, l.keeper); err != nil {
			return nil, fault.New(fault.Denied, CodeURL, "the keeper of the key ring cannot be opened: "+scheme(l.keeper, secrets.DefaultURLMux().KeeperSchemes()), "correct the keeper's URL")
		}
	}
	if l.bucket != "" {
		if p.bucket, err = blob.OpenBucket(ctx, l.bucket); err != nil {
			err := fault.New(fault.Denied, CodeURL, "the bucket of the key ring cannot be opened: "+scheme(l.bucket, blob.DefaultURLMux().BucketSchemes()), "correct the bucket's URL")
			return nil, errors.Join(err, p.close())
		}
	}
	return p, nil
}

// scheme says about a URL what can be said without telling it.
func scheme(rawURL string, known []string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "its URL is none"
	}
	for _, s := range known {
		if s == u.Scheme {
			return "its driver " + s + " refuses the rest of the URL"
		}
	}
	return "this program has no driver " + u.Scheme
}

// read is the document as it is now.
func (p *place) read(ctx context.Context) ([]byte, error) {
	if p.bucket == nil {
		return readFile(p.path)
	}
	data, err := store.Read(ctx, p.bucket, p.object, maxDocument)
	switch {
	case err == nil:
		return data, nil
	case store.NotFound(err):
		return nil, missing(p.object)
	}
	return nil, fault.Wrap(fault.Retry, CodeUnreachable, err, "the bucket of the key ring does not answer")
}

func missing(name string) error {
	return fault.New(fault.Retry, CodeMissing, "there is no key ring "+name, "put it there, or make one: without its keys no token can be made")
}

func (p *place) close() error {
	var errs []error
	if p.keeper != nil {
		errs = append(errs, p.keeper.Close())
	}
	if p.bucket != nil {
		errs = append(errs, p.bucket.Close())
	}
	return errors.Join(errs...)
}
