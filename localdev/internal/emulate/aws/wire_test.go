package aws

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/infra/terraform/wiring"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// TestEnvironment: each function is told of its own and of nothing else.
func TestEnvironment(t *testing.T) {
	w, err := wiring.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := emulate.Secrets{Keys: "file:///ring", LedgerKey: "KEY", LedgerOrigin: "origin"}
	for name, want := range map[string][]string{
		"mask": {
			"SALLYPORT_DEAD=awssns:///arn:aws:sns:us-east-1:000000000000:sallyport-dead?region=us-east-1",
			"SALLYPORT_EXCHANGE=s3://sallyport-exchange?region=us-east-1",
			"SALLYPORT_KEYS=file:///ring",
			"SALLYPORT_LANDING=s3://sallyport-landing?region=us-east-1",
			"SALLYPORT_MASKED=s3://sallyport-masked?region=us-east-1",
			"SALLYPORT_SUBJECTS=s3://sallyport-subjects?region=us-east-1",
			"SALLYPORT_TOPIC=awssns:///arn:aws:sns:us-east-1:000000000000:sallyport-mask?region=us-east-1",
		},
		"audit": {
			"SALLYPORT_DEAD=awssns:///arn:aws:sns:us-east-1:000000000000:sallyport-dead?region=us-east-1",
			"SALLYPORT_LEDGER=s3://sallyport-ledger?region=us-east-1",
			"SALLYPORT_LEDGER_KEY=KEY",
			"SALLYPORT_LEDGER_ORIGIN=origin",
		},
	} {
		if got := cloud.Environment(name, w.Functions[name], s); !slices.Equal(got, want) {
			t.Errorf("%s: %s", name, strings.Join(got, "\n"))
		}
	}
}

// TestNotify: what versitygw tells (as it was seen to) becomes what S3 sends.
func TestNotify(t *testing.T) {
	const told = `{"eventVersion":"2.2","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"2026-11-23T03:13:45Z","eventName":"s3:ObjectCreated:Put",
"userIdentity":{"PrincipalId":"test"},"s3":{"s3SchemaVersion":"1.0","configurationId":"webhook-global","bucket":{"name":"sallyport-drops","arn":"arn:aws:s3:::/sallyport-drops/a/with space+plusü.csv"},
"object":{"key":"a/with space+plusü%2F(1).csv","size":6,"eTag":"\"b1946ac92492d2347c6235b4d2611184\"","versionId":null,"sequencer":"26"}}}`
	var c change
	if err := json.Unmarshal([]byte(told), &c); err != nil {
		t.Fatal(err)
	}
	message, err := notify(c)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"2026-11-23T03:13:45.000Z","eventName":"ObjectCreated:Put",` +
		`"userIdentity":{"principalId":"AWS:EMULATED"},"requestParameters":{"sourceIPAddress":"127.0.0.1"},"responseElements":{"x-amz-request-id":"","x-amz-id-2":""},` +
		`"s3":{"s3SchemaVersion":"1.0","configurationId":"drops","bucket":{"name":"sallyport-drops","ownerIdentity":{"principalId":"EMULATED"},"arn":"arn:aws:s3:::sallyport-drops"},` +
		`"object":{"key":"a/with+space%2Bplus%C3%BC%252F%281%29.csv","size":6,"eTag":"b1946ac92492d2347c6235b4d2611184","sequencer":"00000000000000001A"}}}]}`
	if string(message) != want {
		t.Errorf("%s\nwant\n%s", message, want)
	}
}

func TestTake(t *testing.T) {
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "bootstrap")
	if _, err := take("mask", dir, to); fault.CodeOf(err) != emulate.CodeBinaries || !strings.Contains(err.Error(), "mask-lambda-") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mask"), []byte("plain"), 0o755); err != nil {
		t.Fatal(err)
	}
	if path, err := take("mask", dir, to); err != nil || path != filepath.Join(dir, "mask") {
		t.Errorf("%s, %v", path, err)
	}
	for _, text := range []string{"first", "second"} { // a new one takes the place of the one before
		zipped(t, dir, "mask", text)
		path, err := take("mask", dir, to)
		if err != nil || path != to {
			t.Fatalf("%s, %v", path, err)
		}
		data, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || string(data) != text || info.Mode().Perm()&0o100 == 0 {
			t.Errorf("%q, %v, %v", data, err, statErr)
		}
	}
}

// TestWindow: the SDK's calls wait in whole seconds, so a shorter time must not
// become a longer one.
func TestWindow(t *testing.T) {
	for wait, want := range map[time.Duration]int32{0: 0, 999 * time.Millisecond: 0, 5 * time.Second: 5, time.Minute: 20} {
		if got := waitSeconds(wait); got != want {
			t.Errorf("%s: %d seconds, want %d", wait, got, want)
		}
	}
}
