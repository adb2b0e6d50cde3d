package stack

import (
	"context"
	"net/url"
	"path/filepath"
	"slices"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/filebucket"
)

// door opens the folders and nothing else.
func door(folders ...string) *blob.URLMux {
	mux := new(blob.URLMux)
	mux.RegisterBucket(filebucket.Scheme, opener{
		files: filebucket.URLOpener{Sync: true},
		may:   func(folder string) bool { return slices.Contains(folders, folder) },
	})
	return mux
}

// outside opens the partners' destinations: folders that are not the chain's
// own, and what the drivers of the program open.
func outside(p Places) *blob.URLMux {
	mux := new(blob.URLMux)
	mux.RegisterBucket(filebucket.Scheme, opener{
		files: filebucket.URLOpener{Base: p.Dir, Sync: true},
		may: func(folder string) bool {
			inData, err := filepath.Rel(p.Data, folder)
			return err == nil && !filepath.IsLocal(inData)
		},
	})
	linked := blob.DefaultURLMux()
	for _, scheme := range linked.BucketSchemes() {
		if scheme != filebucket.Scheme {
			mux.RegisterBucket(scheme, others{linked})
		}
	}
	return mux
}

// opener opens the folders that it may.
type opener struct {
	files filebucket.URLOpener
	may   func(folder string) bool
}

func (o opener) OpenBucketURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	folder := filepath.FromSlash(u.Path)
	if u.Host == "." {
		folder = filepath.Join(o.files.Base, folder)
	}
	if !o.may(filepath.Clean(folder)) {
		return nil, fault.New(fault.Denied, "no-door", "this function may not open that folder", "give it another folder; those in .sallyport are the chain's own")
	}
	return o.files.OpenBucketURL(ctx, u)
}

// others opens by another mux.
type others struct{ mux *blob.URLMux }

func (o others) OpenBucketURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	return o.mux.OpenBucketURL(ctx, u)
}
