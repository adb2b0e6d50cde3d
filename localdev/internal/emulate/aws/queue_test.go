package aws

import (
	"archive/zip"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda/queuetest"
)

// zipped writes the binary of a function as make dist does.
func zipped(t *testing.T, dir, name, text string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, name+"-lambda-"+runtime.GOARCH+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	w, err := z.Create(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestQueues: the queues of fauxqs do what event source mappings rely on.
func TestQueues(t *testing.T) {
	programs, err := find(emulate.FindTools(".", os.Getenv))
	if err != nil {
		t.Skip("the emulators of AWS are not installed (make emulators): ", err)
	}
	p, addr, err := startQueues(t.Context(), programs, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	c := newClients(Endpoints{Queues: "http://" + addr})
	n := 0
	queuetest.Run(t, func(t *testing.T, s queuetest.Settings) queuetest.Harness {
		n++
		name := "q" + strconv.Itoa(n)
		q, err := c.queue(t.Context(), name, name+"-dead", s.Visibility, s.MaxReceive)
		if err != nil {
			t.Fatal(err)
		}
		dead := &queue{client: c.sqs, url: "http://" + addr + "/" + lambda.Account + "/" + name + "-dead", arn: queueARN(name + "-dead")}
		var letters []string
		return queuetest.Harness{
			Queue: q,
			Send: func(t testing.TB, bodies ...string) {
				for _, b := range bodies {
					if _, err := c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &b}); err != nil {
						t.Fatal(err)
					}
				}
			},
			Dead: func(t testing.TB) []string {
				got, err := dead.Receive(t.Context(), 10, 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range got {
					letters = append(letters, m.Body)
				}
				return slices.Clone(letters)
			},
		}
	})
	// What listens on loopback only cannot be reached by another address.
	if others := elsewhere(t); len(others) > 0 {
		if c, err := net.DialTimeout("tcp", net.JoinHostPort(others[0], port(addr)), 2*time.Second); err == nil {
			c.Close()
			t.Errorf("fauxqs listens on %s too", others[0])
		}
	}
}

// elsewhere are the addresses of this machine that are not loopback.
func elsewhere(t *testing.T) []string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var others []string
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			others = append(others, ip.IP.String())
		}
	}
	return others
}
