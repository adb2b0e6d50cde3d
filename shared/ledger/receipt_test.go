package ledger

import (
	"bytes"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sallyport-io/sallyport/shared/fault"
)

func TestReceipts(t *testing.T) {
	id := newIdentity(t)
	b := sample(t, id)
	reader := OpenReader(b, id.verifier, origin)
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(origin), torchwood.SingleVerifierPolicy(id.verifier))
	for _, i := range []int{0, 2, 3, 100, 255, 256, 259} {
		want := record(i)
		receipt, err := reader.Receipt(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := VerifyReceipt(receipt, id.verifier, origin)
		if err != nil || got.ID != want.ID || got.Type != want.Type || !bytes.Equal(got.JSON, want.JSON) {
			t.Errorf("%d: %v, another record", i, err)
		}
		// A verifier of tlog-proof needs nothing but the entry.
		extra, err := torchwood.ProofExtraData(receipt)
		if err != nil {
			t.Fatal(err)
		}
		entry := strings.Join(strings.SplitAfterN(string(extra), "\n", 4)[:3], "")
		if err := torchwood.VerifyProof(policy, tlog.RecordHash([]byte(entry)), receipt); err != nil {
			t.Errorf("%d: torchwood: %v", i, err)
		}
	}
	if _, err := reader.Receipt(t.Context(), "never"); fault.CodeOf(err) != "ledger-unknown" || fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown id: %v", err)
	}
}

func TestReceiptOfAnUnsignedRecord(t *testing.T) {
	id, b := newIdentity(t), newBucket(t)
	appendAll(t, id.open(t, b), records(0, 1))
	crashed(3)(t, id, b)
	reader := OpenReader(b, id.verifier, origin)
	batch, err := readBatch(t.Context(), b, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.WriteAll(t.Context(), markKey(batch.Leaves[0].ID), batch.mark(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Receipt(t.Context(), "id-1"); fault.CodeOf(err) != "ledger-unsigned" || fault.KindOf(err) != fault.Retry {
		t.Errorf("before it is signed: %v", err)
	}
	appendAll(t, id.open(t, b), nil)
	if _, err := reader.Receipt(t.Context(), "id-1"); err != nil {
		t.Errorf("after: %v", err)
	}
}

// A receipt with anything changed proves nothing else.
func TestChangedReceipts(t *testing.T) {
	id, other := newIdentity(t), newIdentity(t)
	b := sample(t, id)
	receipt, err := OpenReader(b, id.verifier, origin).Receipt(t.Context(), "id-200")
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for at := range receipt {
		bad := bytes.Clone(receipt)
		bad[at] ^= 1
		r, err := VerifyReceipt(bad, id.verifier, origin)
		if err == nil { // base64 has bits that mean nothing
			if !bytes.Equal(r.JSON, record(200).JSON) {
				t.Errorf("byte %d (%q) changes what it proves", at, receipt[at])
			}
			same++
		} else if fault.KindOf(err) != fault.Invalid {
			t.Errorf("byte %d: %v", at, err)
		}
	}
	if same > 16 {
		t.Errorf("%d changes went unnoticed", same)
	}
	for at := range receipt {
		if _, err := VerifyReceipt(receipt[:at], id.verifier, origin); err == nil {
			t.Errorf("it may be cut at %d", at)
		}
	}
	if _, err := VerifyReceipt(receipt, other.verifier, origin); err == nil {
		t.Error("another key signed it")
	}
	if _, err := VerifyReceipt(receipt, id.verifier, "example.com/other"); err == nil {
		t.Error("it is of another origin")
	}
}

func FuzzVerifyReceipt(f *testing.F) {
	// A key that is the same in every process of the fuzzer.
	id := identityOf(f, "PRIVATE+KEY+example.com/ledger+673b8ec9+AbUqwPPZoHTePWJFup4vZWCVGFxv0SmLLD/CLkQbdm2R",
		"example.com/ledger+673b8ec9+ATlFuFGwZHSNZiOXYGxPVpq6sC70atELiFTlx0GNaQ2s")
	b := newBucket(f)
	appendAll(f, id.open(f, b), records(0, 5))
	receipt, err := OpenReader(b, id.verifier, origin).Receipt(f.Context(), "id-3")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(receipt)
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n"))
	want := record(3)
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := VerifyReceipt(data, id.verifier, origin); err == nil && r.ID != want.ID && r.JSON != nil {
			t.Errorf("it proves a record that was never appended")
		}
	})
}

func TestErase(t *testing.T) {
	id, b := newIdentity(t), newBucket(t)
	l := id.open(t, b)
	appendAll(t, l, records(0, 4))
	appendAll(t, l, records(4, 6))
	reader := OpenReader(b, id.verifier, origin)
	for range 2 { // the second time changes nothing
		if err := Erase(t.Context(), b, "id-2", "id-5"); err != nil {
			t.Fatal(err)
		}
	}
	for key, data := range contents(t, b) {
		for _, gone := range []string{`"id-2"`, `"id-5"`} {
			if bytes.Contains(data, []byte(gone)) {
				t.Errorf("%s still holds it", key)
			}
		}
	}
	var got []string
	err := reader.Records(t.Context(), func(_ int64, r Record) error {
		got = append(got, r.ID)
		if (r.JSON == nil) != (r.ID == "") || r.Type == "" {
			t.Errorf("neither erased nor a record: %q", r.ID)
		}
		return nil
	})
	if err != nil || strings.Join(got, " ") != "id-0 id-1  id-3 id-4 " {
		t.Errorf("%q, %v", got, err)
	}
	report, err := Verify(t.Context(), b, id.verifier, origin, nil)
	if err != nil || report.Erased != 2 || report.Entries != 6 {
		t.Errorf("%+v, %v", report, err)
	}
	// It stays recorded, and provable: redelivery does not bring it back.
	appendAll(t, l, records(0, 6))
	appendAll(t, id.open(t, b), records(0, 6))
	if report, err := Verify(t.Context(), b, id.verifier, origin, nil); err != nil || report.Entries != 6 || report.Erased != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	receipt, err := reader.Receipt(t.Context(), "id-2")
	if err != nil {
		t.Fatal(err)
	}
	r, err := VerifyReceipt(receipt, id.verifier, origin)
	if err != nil || r.ID != "" || r.JSON != nil || r.Type != record(2).Type {
		t.Errorf("%+v, %v", r, err)
	}
	if err := Erase(t.Context(), b, "never"); fault.CodeOf(err) != "ledger-unknown" {
		t.Errorf("an unknown id: %v", err)
	}
}
