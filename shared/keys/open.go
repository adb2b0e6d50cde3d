package keys

import (
	"context"
	"errors"
	"net/url"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/secrets"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Open opens the ring that a URL names:
//
//	file:///etc/sallyport/keyring.json       a file that only its owner may read
//	keyring.json                             likewise, by its path
//	file:///keyring.json?keeper=awskms%3A%2F%2F...
//	                                         its keys are wrapped by the keeper, a gocloud secrets URL
//	s3://bucket?region=x&ring=keyring.json&keeper=awskms%3A%2F%2F...
//	                                         objects in any gocloud bucket; a keeper is required
//
// In a bucket each change of the ring is an object of its own, keyring.json.00000001
// and so on, of which the last counts; before the first change the ring may be the
// object keyring.json itself, uploaded from a file.
//
// The drivers of keepers and buckets are those that the program has linked in.
// No error holds the URL, because the URL of a keeper may hold its key. The key
// that is active now must be there and unwrap; partners' own need not.
func Open(ctx context.Context, ringURL string) (*Ring, error) {
	l, err := parse(ringURL)
	if err != nil {
		return nil, err
	}
	s, keeper, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	r := &Ring{source: s, keeper: keeper, keys: map[keyID]*held{}, failed: map[keyID]failure{}}
	if err := r.load(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	e, err := r.active("", time.Now())
	switch fault.CodeOf(err) {
	case CodeNoVersion, CodeExpired:
		return r, nil // one may come, and tokens of the others be revealed
	}
	if err == nil {
		err = r.use("", e, func([]byte) error { return nil })
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// source is where the document of a ring is stored. Its faults are this package's.
type source interface {
	// read is the document as it is now. The caller may overwrite it.
	read(ctx context.Context) ([]byte, error)
	// create stores the document if there is none; if there is one the error is
	// fs.ErrExist.
	create(ctx context.Context, data []byte) error
	// edit stores what do makes of the document, whole or not at all. Of several
	// at once one does; the others fail with CodeBusy, and none is lost.
	edit(ctx context.Context, do func(data []byte) ([]byte, error)) error
	close() error
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

// open opens the keeper and the place of the ring. Their own errors may hold the
// URL, and are not told.
func (l location) open(ctx context.Context) (source, *secrets.Keeper, error) {
	var keeper *secrets.Keeper
	if l.keeper != "" {
		var err error
		if keeper, err = openKeeper(ctx, l.keeper, "of the key ring"); err != nil {
			return nil, nil, err
		}
	}
	if l.bucket == "" {
		return file{l.path}, keeper, nil
	}
	b, err := blob.OpenBucket(ctx, l.bucket)
	if err != nil {
		err = fault.New(fault.Denied, CodeURL, "the bucket of the key ring cannot be opened: "+scheme(l.bucket, blob.DefaultURLMux().BucketSchemes()), "correct the bucket's URL")
		return nil, nil, errors.Join(err, keeper.Close()) // a ring in a bucket has one
	}
	return &bucket{b: b, ring: l.object}, keeper, nil
}

// openKeeper opens a keeper. whose says whose it is.
func openKeeper(ctx context.Context, keeperURL, whose string) (*secrets.Keeper, error) {
	keeper, err := secrets.OpenKeeper(ctx, keeperURL)
	if err != nil {
		return nil, fault.New(fault.Denied, CodeURL, "the keeper "+whose+" cannot be opened: "+scheme(keeperURL, secrets.DefaultURLMux().KeeperSchemes()), "correct the keeper's URL")
	}
	return keeper, nil
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

func missing(name string) error {
	return fault.New(fault.Retry, CodeMissing, "there is no key ring "+name, "put it there, or make one: without its keys no token can be made")
}
