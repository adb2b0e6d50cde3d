package gcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// storage is Cloud Storage: fakestorage on a folder. It notifies of new objects in
// one bucket before the upload of one is answered. fakestorage's own notifications
// come some time after that, if this process lives, and have no ETag.
type storage struct {
	addr   string // host:port
	fake   *fakestorage.Server
	server *http.Server
}

// object is the resource of an object in the JSON API, as much as is used of it.
type object struct {
	Kind       string    `json:"kind"`
	Bucket     string    `json:"bucket"`
	Name       string    `json:"name"`
	Generation string    `json:"generation"`
	Created    time.Time `json:"timeCreated"`
}

// startStorage starts Cloud Storage on loopback, with objects in a folder. Of each
// new one in the bucket notify is told: its resource, also as text. If that fails,
// so does the upload.
func startStorage(ctx context.Context, folder, bucket string, notify func(o object, resource []byte) error) (*storage, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fault.Wrap(fault.Retry, emulate.CodeStart, err, "Cloud Storage cannot listen")
	}
	addr := l.Addr().String()
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		StorageRoot: folder, Scheme: "http", NoListener: true, ExternalURL: "http://" + addr, PublicHost: addr,
	})
	if err != nil {
		_ = l.Close()
		return nil, emulate.Unwritable(err)
	}
	s := &storage{addr: addr, fake: fake, server: &http.Server{
		Handler: guarded{notifying{fake.HTTPHandler(), bucket, notify}, addr}, ReadHeaderTimeout: 10 * time.Second,
	}}
	go func() { _ = s.server.Serve(l) }() // ends with Close
	return s, nil
}

// stop ends it. Requests that run are broken off.
func (s *storage) stop() error {
	s.fake.Stop()
	return s.server.Close()
}

// guarded is a handler that no web page in a browser of this machine can reach:
// fakestorage would let any, and names with ".." lead out of its folder.
type guarded struct {
	http.Handler
	addr string
}

// ServeHTTP implements http.Handler.
func (g guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") != "" || r.Host != g.addr {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	g.Handler.ServeHTTP(w, r)
}

// notifying is a handler that notifies of what is made in a bucket.
type notifying struct {
	http.Handler
	bucket string
	notify func(object, []byte) error
}

// ServeHTTP implements http.Handler.
func (n notifying) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !makes(r) {
		n.Handler.ServeHTTP(w, r)
		return
	}
	a := &answer{header: http.Header{}, status: http.StatusOK}
	n.Handler.ServeHTTP(a, r)
	if o, resource := made(a); o.Bucket == n.bucket {
		if err := n.notify(o, resource); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // who is gone needs no answer
}

// makes reports whether a request may make an object: all that is sent but to the
// JSON API's own paths, of which it is those that compose and copy.
func makes(r *http.Request) bool {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		return false
	}
	path := r.URL.EscapedPath() // a name may have slashes
	return !strings.HasPrefix(path, "/storage/v1/") || strings.HasSuffix(path, "/compose") ||
		strings.Contains(path, "/copyTo/") || strings.Contains(path, "/rewriteTo/")
}

// made is the object in an answer; without a bucket there is none.
func made(a *answer) (o object, resource []byte) {
	resource = a.body.Bytes()
	if a.status != http.StatusOK || json.Unmarshal(resource, &o) != nil {
		return object{}, nil
	}
	if o.Kind == "storage#rewriteResponse" {
		var rewritten struct{ Resource json.RawMessage }
		_ = json.Unmarshal(resource, &rewritten) // it was read before
		resource, o = rewritten.Resource, object{}
		_ = json.Unmarshal(resource, &o) // what cannot be read is no object
	}
	// The start of a resumable upload is answered with a resource, too.
	if o.Kind != "storage#object" || o.Generation == "" || o.Generation == "0" {
		return object{}, nil
	}
	return o, bytes.TrimSpace(resource)
}

// answer keeps an answer: those to uploads are small.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
func (a *answer) WriteHeader(status int)      { a.status = status }

// here sends what is meant for Cloud Storage to the emulated one, whatever the
// environment of this process says.
type here struct{ addr string }

// RoundTrip implements http.RoundTripper.
func (h here) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = "http", h.addr, h.addr
	return http.DefaultTransport.RoundTrip(r)
}

// bucket opens a bucket by its full name.
func (s *storage) bucket(ctx context.Context, name string) (*blob.Bucket, error) {
	b, err := gcsblob.OpenBucket(ctx, &gcp.HTTPClient{Client: http.Client{Transport: here{s.addr}}}, name, nil)
	if err != nil {
		return nil, unavailable(err, "cannot open the bucket "+name)
	}
	return b, nil
}

// make makes a bucket if it is not there.
func (s *storage) make(ctx context.Context, name string) error {
	text, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		return err
	}
	_, err = s.call(ctx, http.MethodPost, "/storage/v1/b", bytes.NewReader(text), http.StatusConflict)
	return err
}

// page is how many objects are listed by one call.
const page = "100"

// each hands on every object of a bucket, as the resource of the JSON API.
func (s *storage) each(ctx context.Context, bucket string, do func(o object, resource []byte) error) error {
	for token := ""; ; {
		var listed struct {
			Items []json.RawMessage `json:"items"`
			Next  string            `json:"nextPageToken"`
		}
		text, err := s.call(ctx, http.MethodGet, "/storage/v1/b/"+bucket+"/o?"+url.Values{"maxResults": {page}, "pageToken": {token}}.Encode(), nil)
		if err == nil {
			err = json.Unmarshal(text, &listed)
		}
		if err != nil {
			return unavailable(err, "cannot list the bucket "+bucket)
		}
		for _, resource := range listed.Items {
			var o object
			if err := json.Unmarshal(resource, &o); err != nil {
				return unavailable(err, "cannot list the bucket "+bucket)
			}
			if err := do(o, resource); err != nil {
				return err
			}
		}
		if token = listed.Next; token == "" {
			return nil
		}
	}
}

// call calls the JSON API. Beside 200, the given statuses are no errors.
func (s *storage) call(ctx context.Context, method, path string, body io.Reader, fine ...int) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.addr+path, body)
	if err != nil {
		return nil, unavailable(err, "cannot ask Cloud Storage")
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, unavailable(err, "cannot ask Cloud Storage")
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, unavailable(err, "cannot ask Cloud Storage")
	}
	for _, status := range append(fine, http.StatusOK) {
		if response.StatusCode == status {
			return text, nil
		}
	}
	return nil, fault.New(fault.Retry, "emulator-call", fmt.Sprintf("Cloud Storage answered %d", response.StatusCode), "")
}

func unavailable(err error, msg string) error {
	return fault.Wrap(fault.Retry, "emulator-call", err, msg)
}
