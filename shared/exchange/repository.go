package exchange

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/store"
)

const (
	// cached is how many bundles a Repository keeps in memory: the newest, and
	// those that the drops on their way are pinned to.
	cached = 16
	// maxBundle is how large an encoded bundle may be.
	maxBundle = 64 << 20
	// lastVersion is the highest number that a version's key has room for.
	lastVersion = 99_999_999
)

// Repository keeps bundles in a bucket:
//
//	bundles/<digest, hex>.json   a bundle, as Encode wrote it
//	versions/<number, %08d>      the digest of the bundle that this version is
//
// Everything in it is created where absent and never changed, so that a pin
// holds as long as the bundle lies there. Versions are numbered from 1 without
// a gap. A Repository may be used by any number of goroutines.
type Repository struct {
	// Fresh is how long Newest may answer from memory. Open sets 5 seconds;
	// change it before the first use.
	Fresh time.Duration

	bucket *blob.Bucket

	mu      sync.Mutex
	recent  []*Bundle // the least recently used first
	version int       // highest version known to be there; 0 if none is
	newest  *Bundle   // the bundle of that version
	asked   time.Time // when that was found
}

// Open makes a repository of a bucket. The caller closes the bucket.
func Open(bucket *blob.Bucket) *Repository {
	return &Repository{Fresh: 5 * time.Second, bucket: bucket}
}

func bundleKey(digest string) string {
	return "bundles/" + strings.TrimPrefix(digest, digestPrefix) + ".json"
}

func versionKey(number int) string { return fmt.Sprintf("versions/%08d", number) }

// Publish makes b the newest version. If it is that already nothing is written.
// Of several publishers at once each gets a version of its own; the order is
// the bucket's to decide.
func (r *Repository) Publish(ctx context.Context, b *Bundle) error {
	if _, err := store.Create(ctx, r.bucket, bundleKey(b.Digest()), b.Encode()); err != nil {
		return err
	}
	r.mu.Lock()
	version := r.version
	r.mu.Unlock()
	for {
		var err error
		if version, err = r.latest(ctx, version); err != nil {
			return err
		}
		if version > 0 {
			current, err := r.versionDigest(ctx, version)
			if err != nil {
				return err
			}
			if current == b.Digest() {
				break
			}
		}
		if version >= lastVersion {
			return fault.New(fault.Denied, "versions-exhausted", "the exchange has no version number left", "publish it to a new bucket")
		}
		created, err := store.Create(ctx, r.bucket, versionKey(version+1), []byte(b.Digest()))
		if err != nil {
			return err
		}
		if created {
			version++
			break
		}
	}
	r.remember(version, b)
	return nil
}

// Get is the bundle with the digest. Its bytes are held to the digest.
//
// Poison faults: "bundle-unknown" (no such bundle lies there), "bundle-digest"
// (its bytes are others), "bundle-decode" (see Decode). A bucket that does not
// answer is a Retry fault.
func (r *Repository) Get(ctx context.Context, digest string) (*Bundle, error) {
	if b := r.lookup(digest); b != nil {
		return b, nil
	}
	if err := checkDigest(digest); err != nil {
		return nil, err
	}
	key := bundleKey(digest)
	data, err := store.Read(ctx, r.bucket, key, maxBundle)
	if store.NotFound(err) {
		return nil, &fault.Error{Kind: fault.Poison, Code: "bundle-unknown", Where: fault.Where{Object: key},
			Msg: "no exchange bundle with this digest was published here",
			Do:  "check the URL of the exchange bucket, or restore the object, then replay the dead letter"}
	}
	if err != nil {
		return nil, err
	}
	if store.Digest(data) != digest {
		return nil, &fault.Error{Kind: fault.Poison, Code: "bundle-digest", Where: fault.Where{Object: key},
			Msg: "the bytes of the bundle are not those that its name promises",
			Do:  "somebody changed the object: restore it, and look who may write to the bucket"}
	}
	b, err := Decode(data)
	if err != nil {
		return nil, err
	}
	r.keep(b)
	return b, nil
}

// Newest is the bundle of the highest version. For Fresh after it was found it
// is answered from memory; if the bucket does not answer then, that is a Retry
// fault rather than an old answer, because revocations go by the newest. A
// repository to which nothing was published is a Retry fault with the code
// "no-exchange".
func (r *Repository) Newest(ctx context.Context) (*Bundle, error) {
	r.mu.Lock()
	known, newest, asked := r.version, r.newest, r.asked
	r.mu.Unlock()
	now := time.Now()
	if newest != nil && now.Sub(asked) < r.Fresh {
		return newest, nil
	}
	version, err := r.latest(ctx, known)
	if err != nil {
		return nil, err
	}
	if version == 0 {
		return nil, fault.New(fault.Retry, "no-exchange", "no exchange was published yet", "publish one with sallyport publish")
	}
	if newest == nil || version != known {
		digest, err := r.versionDigest(ctx, version)
		if err != nil {
			return nil, err
		}
		if newest, err = r.Get(ctx, digest); err != nil {
			return nil, err
		}
	}
	return r.found(version, newest, now), nil
}

// latest is the highest version that is there, given one that is (0: none is
// known). It gallops: one look if nothing is new, and otherwise a number of
// looks that is logarithmic in what is.
func (r *Repository) latest(ctx context.Context, known int) (int, error) {
	low, step := known, 1
	for {
		there, err := r.hasVersion(ctx, low+step)
		if err != nil {
			return 0, err
		}
		if !there {
			break
		}
		low += step
		step *= 2
	}
	for high := low + step; high-low > 1; {
		middle := low + (high-low)/2
		there, err := r.hasVersion(ctx, middle)
		if err != nil {
			return 0, err
		}
		if there {
			low = middle
		} else {
			high = middle
		}
	}
	return low, nil
}

func (r *Repository) hasVersion(ctx context.Context, number int) (bool, error) {
	there, err := r.bucket.Exists(ctx, versionKey(number))
	if err != nil {
		return false, fault.Wrap(fault.Retry, "bucket-read", err, "cannot look at "+versionKey(number))
	}
	return there, nil
}

func (r *Repository) versionDigest(ctx context.Context, number int) (string, error) {
	data, err := store.Read(ctx, r.bucket, versionKey(number), 1024)
	if err != nil {
		return "", err
	}
	digest := string(data)
	return digest, checkDigest(digest)
}

// checkDigest refuses what cannot be a digest, so that none can name another
// object.
func checkDigest(digest string) error {
	hex, ok := strings.CutPrefix(digest, digestPrefix)
	if !ok || len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return fault.New(fault.Poison, "bundle-unknown", "this is not the digest of an exchange bundle", "look for a producer of another version")
	}
	return nil
}

// lookup is a bundle from memory, or nil.
func (r *Repository) lookup(digest string) *Bundle {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, b := range r.recent {
		if b.Digest() == digest {
			r.recent = append(slices.Delete(r.recent, i, i+1), b)
			return b
		}
	}
	return nil
}

func (r *Repository) keep(b *Bundle) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recent = slices.DeleteFunc(r.recent, func(old *Bundle) bool { return old.Digest() == b.Digest() })
	if r.recent = append(r.recent, b); len(r.recent) > cached {
		r.recent = slices.Delete(r.recent, 0, 1)
	}
}

// found records which bundle is the newest, unless somebody has found a newer
// one meanwhile, and answers the newest.
func (r *Repository) found(version int, b *Bundle, at time.Time) *Bundle {
	r.mu.Lock()
	defer r.mu.Unlock()
	if version >= r.version {
		r.version, r.newest, r.asked = version, b, at
	}
	return r.newest
}

func (r *Repository) remember(version int, b *Bundle) {
	r.keep(b)
	r.found(version, b, time.Now())
}
