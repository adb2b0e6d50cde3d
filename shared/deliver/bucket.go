package deliver

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store"
)

// bucketDestination puts each segment into an object:
//
//	<contract>/<drop>/<segment %06d>.<csv|ndjson|json|parquet|avro>
//	<contract>/<drop>/manifest.json
type bucketDestination struct {
	b     *blob.Bucket
	codec record.Codec
}

func openBucket(ctx context.Context, mux *blob.URLMux, u string, codec record.Codec) (*bucketDestination, error) {
	b, err := mux.OpenBucket(ctx, u)
	if err != nil {
		return nil, unavailable(err, "cannot open the bucket of the destination")
	}
	return &bucketDestination{b, codec}, nil
}

// folder is what the keys of a drop start with.
func (d Drop) folder() string { return keyPart(d.Contract) + "/" + keyPart(d.ID) + "/" }

// keyPart makes one part of a key of a name that may hold anything.
func keyPart(name string) string {
	if strings.Trim(name, ".") == "" { // "", ".", ".."
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}

func (d *bucketDestination) Deliver(ctx context.Context, s Segment) (Receipt, error) {
	b, err := s.open(ctx)
	if err != nil {
		return Receipt{}, err
	}
	defer b.Close()
	f := s.format(d.codec)
	ref, err := d.put(ctx, s.Drop.folder()+s.name()+"."+string(f.Codec), func(w *store.Writer) error {
		if f.Codec == s.Format.Codec {
			return b.pass(w)
		}
		if f.Codec == record.Parquet || f.Codec == record.Avro {
			err = b.encode(ctx, outward{w}, f.Codec)
		} else {
			err = b.convert(ctx, outward{w}, f)
		}
		if err != nil {
			return err
		}
		return b.check()
	})
	return Receipt{Rows: s.Rows, Object: ref}, err
}

func (d *bucketDestination) Manifest(ctx context.Context, drop Drop, manifest []byte) (string, error) {
	ref, err := d.put(ctx, drop.folder()+"manifest.json", func(w *store.Writer) error {
		_, err := outward{w}.Write(manifest)
		return err
	})
	return ref.Key, err
}

// put writes an object where there is none. One that is there already and has as
// many bytes is the same, from an earlier delivery.
func (d *bucketDestination) put(ctx context.Context, key string, write func(*store.Writer) error) (event.Ref, error) {
	w, err := store.NewWriter(ctx, d.b, key)
	if err != nil {
		return event.Ref{}, unavailable(err, "the destination does not begin an object")
	}
	if err := write(w); err != nil {
		w.Abort()
		return event.Ref{}, err
	}
	ref, _, err := w.Commit()
	switch {
	case err == nil:
		return ref, nil
	case fault.KindOf(err) == fault.Poison:
		return event.Ref{}, &fault.Error{Kind: fault.Poison, Code: CodeConflict, Where: fault.Where{Object: key},
			Msg: "another object lies where this one belongs", Err: err,
			Do: fmt.Sprintf("let every subscription have a place of its own; if this one has, find out who wrote %s there, remove it and replay", key)}
	}
	return event.Ref{}, unavailable(err, "the destination does not take the object")
}

// outward tells failures to write to a destination from failures to read.
type outward struct{ w io.Writer }

func (o outward) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		err = unavailable(err, "the destination does not take the object")
	}
	return n, err
}

func (d *bucketDestination) Close() error { return d.b.Close() }
