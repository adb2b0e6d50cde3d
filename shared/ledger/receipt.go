package ledger

import (
	"bytes"
	"context"
	"errors"

	"filippo.io/torchwood"
	"gocloud.dev/blob"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Receipt proves without the ledger that the record of this id is in it: a
// https://c2sp.org/tlog-proof file of the newest checkpoint, whose extra data
// is the entry followed by the salt and the record, or by {"erased":true}.
//
// A fault of kind Invalid and code "ledger-unknown" says that no such record is
// in the ledger. A record of which the checkpoint is not stored yet is a fault
// of kind Retry and code "ledger-unsigned".
func (r *Reader) Receipt(ctx context.Context, id string) ([]byte, error) {
	b, place, err := find(ctx, r.bucket, id)
	if err != nil {
		return nil, err
	}
	cp, err := r.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	index := b.First + int64(place)
	if index >= cp.Size {
		return nil, fault.New(fault.Retry, "ledger-unsigned", "the record is in the ledger, but no checkpoint covers it yet", "the next append will write one")
	}
	lines, err := b.readLines(ctx, r.bucket)
	if err != nil {
		return nil, err
	}
	if _, err := b.unseal(place, lines[place]); err != nil {
		return nil, err
	}
	hashes := torchwood.TileHashReaderWithContext(ctx, tlog.Tree{N: cp.Size, Hash: cp.Root}, tileReader{r.bucket})
	proof, err := tlog.ProveRecord(cp.Size, index, hashes)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "ledger-proof", err, "cannot prove the entry")
	}
	extra := append(b.Leaves[place].entry(), lines[place]...)
	return torchwood.FormatProofWithExtraData(index, extra, proof, cp.Note), nil
}

// VerifyReceipt checks a receipt against the key and origin of a log and
// answers with the record that it proves; of an erased one only the type is
// left to prove. A receipt that proves nothing is a fault of kind Invalid.
func VerifyReceipt(receipt []byte, verifier note.Verifier, origin string) (Record, error) {
	record, err := verifyReceipt(receipt, verifier, origin)
	if err != nil {
		return Record{}, &fault.Error{Kind: fault.Invalid, Code: "ledger-receipt", Msg: "the receipt proves nothing: " + err.Error()}
	}
	return record, nil
}

func verifyReceipt(receipt []byte, verifier note.Verifier, origin string) (Record, error) {
	extra, err := torchwood.ProofExtraData(receipt)
	if err != nil {
		return Record{}, errors.New("it is not a proof")
	}
	parts := bytes.SplitN(extra, []byte("\n"), 4)
	if len(parts) != 4 {
		return Record{}, errors.New("it is not a receipt of a ledger of Sallyport")
	}
	l := leaf{Type: string(parts[1]), Hash: string(parts[2])}
	entry := l.entry()
	if !bytes.HasPrefix(extra, entry) || !isHash(l.Hash) {
		return Record{}, errors.New("its entry is of another version")
	}
	_, data, err := l.unseal(parts[3])
	if err != nil {
		return Record{}, errors.New("what is with it " + err.Error())
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.SingleVerifierPolicy(verifier), torchwood.OriginPolicy(origin))
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), receipt); err != nil {
		return Record{}, errors.New("the entry is not in a tree that this ledger signed")
	}
	record := Record{Type: l.Type, JSON: data}
	if data == nil {
		return record, nil
	}
	var typ string
	if record.ID, typ, err = nameOf(data); err != nil || typ != l.Type {
		return Record{}, errors.New("its record has another type than its entry")
	}
	return record, nil
}

// tileReader reads tiles for proofs, which check what they are made from.
type tileReader struct{ bucket *blob.Bucket }

func (t tileReader) ReadTiles(ctx context.Context, tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	err := parallel(ctx, len(tiles), func(ctx context.Context, i int) (err error) {
		data[i], err = getTile(ctx, t.bucket, tiles[i])
		return err
	})
	return data, err
}

func (tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tileReader) ReadEndpoint(ctx context.Context, path string) ([]byte, error) {
	return get(ctx, t.bucket, path)
}

var _ torchwood.TileReader = tileReader{}

// Erase removes the records of these ids, and their salts, for good: the
// entries stay and can be proven, but nobody can tell what they stood for. An
// id that was erased before is no error.
//
// It replaces objects, so run one Erase at a time on a bucket (appending and
// reading go on as they like), and see to it that the bucket keeps no older
// versions of records/. Records objects that no batch names ([Report].Orphans)
// may hold the records too: delete them while nobody appends.
func Erase(ctx context.Context, bucket *blob.Bucket, ids ...string) error {
	for _, id := range ids {
		b, place, err := find(ctx, bucket, id)
		if err != nil {
			return err
		}
		lines, err := b.readLines(ctx, bucket)
		if err != nil {
			return err
		}
		lines[place] = []byte(erasedLine)
		if err := overwrite(ctx, bucket, recordsKey(b.Records), append(bytes.Join(lines, []byte("\n")), '\n')); err != nil {
			return err
		}
	}
	return nil
}
