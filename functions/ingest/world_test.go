package ingest_test

import (
	"context"
	"net/url"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/shared/store/storetest"
)

// OpenBucketURL implements blob.BucketURLOpener: test://name.
func (p pinned) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	b, ok := p[u.Host]
	if !ok {
		return memblob.OpenBucket(nil), nil
	}
	return new(storetest.Injector).Bucket(u.Host, b), nil
}

// open makes an ingest on buckets that stay open when it closes.
func (w *world) open(drops, landing, quarantine, config *blob.Bucket) *ingest.Function {
	w.t.Helper()
	f, err := ingest.Open(context.Background(), ingest.Config{
		Drops: "test://drops", Landing: "test://landing", Quarantine: "test://quarantine", Exchange: "test://config",
		Buckets: pinned{"drops": drops, "landing": landing, "quarantine": quarantine, "config": config}.mux(),
		Now:     w.now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := f.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return f
}
