package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// entryTag is the first line of an entry: how the rest is to be read.
const entryTag = "sallyport.io/record/v1"

const (
	batchVersion = 1
	saltSize     = 32
)

// batch is the content of seq/<First>.
type batch struct {
	Version int    `json:"version"`
	First   int64  `json:"first"`
	Records string `json:"records"` // hex SHA-256 of the records object when it was written: its name
	Leaves  []leaf `json:"leaves"`
}

// leaf is one entry of a batch, with what the entry itself does not say.
type leaf struct {
	ID   string `json:"id"` // hex SHA-256 of the record's id
	Type string `json:"type"`
	Hash string `json:"hash"` // hex SHA-256 of salt and record
}

// entry is what the tree commits to and everyone may see.
func (l leaf) entry() []byte {
	return []byte(entryTag + "\n" + l.Type + "\n" + l.Hash + "\n")
}

// sealed is a record ready to be recorded: its leaf, and its line in the
// records object.
type sealed struct {
	leaf
	line []byte
}

// erasedLine stands in a records object for a record that was erased.
const erasedLine = `{"erased":true}`

// seal salts a record and commits to it. The fault is Poison: the record can
// never be recorded.
func seal(r Record) (sealed, error) {
	refuse := func(what string) (sealed, error) {
		return sealed{}, fault.New(fault.Poison, "ledger-record", what, "")
	}
	switch {
	case r.ID == "" || len(r.ID) > MaxID:
		return refuse(fmt.Sprintf("the record's id is empty or longer than %d bytes", MaxID))
	case !validType(r.Type):
		return refuse(fmt.Sprintf("the record's type is empty, longer than %d bytes or not printable ASCII", MaxType))
	case len(r.JSON) > MaxRecord:
		return refuse(fmt.Sprintf("the record has %d bytes, at most %d are recorded", len(r.JSON), MaxRecord))
	}
	var compact bytes.Buffer
	if json.Compact(&compact, r.JSON) != nil {
		return refuse("the record is not JSON")
	}
	if id, typ, err := nameOf(compact.Bytes()); err != nil || id != r.ID || typ != r.Type {
		return refuse(`the record is not a JSON object whose members "id" and "type" are its id and type`)
	}
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // it never fails
	return sealed{
		leaf: leaf{ID: hashHex([]byte(r.ID)), Type: r.Type, Hash: hashHex(salt, compact.Bytes())},
		line: encodeLine(salt, compact.Bytes()),
	}, nil
}

func validType(typ string) bool {
	for i := range len(typ) {
		if typ[i] <= ' ' || typ[i] > '~' {
			return false
		}
	}
	return typ != "" && len(typ) <= MaxType
}

// nameOf is what a record says about itself.
func nameOf(record []byte) (id, typ string, err error) {
	var name struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	}
	err = json.Unmarshal(record, &name)
	return name.ID, name.Type, err
}

func encodeLine(salt, record []byte) []byte {
	line := make([]byte, 0, len(record)+saltSize*2+24)
	line = append(line, `{"salt":"`...)
	line = base64.StdEncoding.AppendEncode(line, salt)
	line = append(line, `","record":`...)
	line = append(line, record...)
	return append(line, '}')
}

// unseal reads a line of a records object and checks that it is what the leaf
// commits to. Both results are nil if the record was erased.
func (l leaf) unseal(line []byte) (salt, record []byte, err error) {
	if string(line) == erasedLine {
		return nil, nil, nil
	}
	var parts struct {
		Salt   []byte          `json:"salt"`
		Record json.RawMessage `json:"record"`
	}
	if json.Unmarshal(line, &parts) != nil || !bytes.Equal(encodeLine(parts.Salt, parts.Record), line) {
		return nil, nil, errors.New("is not a salt and a record")
	}
	if len(parts.Salt) != saltSize || hashHex(parts.Salt, parts.Record) != l.Hash {
		return nil, nil, errors.New("is not the record that the ledger commits to")
	}
	return parts.Salt, parts.Record, nil
}

// newBatch makes a batch and the content of its records object.
func newBatch(first int64, records []sealed) (b *batch, body []byte) {
	b = &batch{Version: batchVersion, First: first, Leaves: make([]leaf, len(records))}
	for i, r := range records {
		b.Leaves[i] = r.leaf
		body = append(append(body, r.line...), '\n')
	}
	b.Records = hashHex(body)
	return b, body
}

// encode is the batch as it is stored.
func (b *batch) encode() []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(b) // a struct of numbers and strings into memory: cannot fail
	return buf.Bytes()
}

// decodeBatch reads the batch that starts at first, to the byte.
func decodeBatch(data []byte, first int64) (*batch, error) {
	var b batch
	if json.Unmarshal(data, &b) != nil || !bytes.Equal(b.encode(), data) {
		return nil, errors.New("it is not written as a batch is")
	}
	if b.Version != batchVersion {
		return nil, fmt.Errorf("it is a batch of version %d, this program knows version %d", b.Version, batchVersion)
	}
	if b.First != first {
		return nil, fmt.Errorf("it says that it starts at %d", b.First)
	}
	if len(b.Leaves) == 0 || len(b.Leaves) > batchRecords {
		return nil, fmt.Errorf("it has %d leaves", len(b.Leaves))
	}
	ok := isHash(b.Records)
	for _, l := range b.Leaves {
		ok = ok && isHash(l.ID) && isHash(l.Hash) && validType(l.Type)
	}
	if !ok {
		return nil, errors.New("a hash or a type in it is not one")
	}
	return &b, nil
}

func (b *batch) entries() [][]byte {
	entries := make([][]byte, len(b.Leaves))
	for i, l := range b.Leaves {
		entries[i] = l.entry()
	}
	return entries
}

// end is the size of the log with the batch.
func (b *batch) end() int64 { return b.First + int64(len(b.Leaves)) }

// mark is the content of the marks of the batch's ids.
func (b *batch) mark() []byte { return fmt.Append(nil, b.First) }

// find is the place in the batch of the leaf with this id hash, or -1.
func (b *batch) find(id string) int {
	for i, l := range b.Leaves {
		if l.ID == id {
			return i
		}
	}
	return -1
}

// readBatch reads the batch that starts at first. store.NotFound tells that
// there is none.
func readBatch(ctx context.Context, bucket *blob.Bucket, first int64) (*batch, error) {
	data, err := get(ctx, bucket, seqKey(first))
	if err != nil {
		return nil, err
	}
	b, err := decodeBatch(data, first)
	if err != nil {
		return nil, damaged(seqKey(first), err.Error())
	}
	return b, nil
}

// readLines reads the batch's records object: one line for each leaf.
func (b *batch) readLines(ctx context.Context, bucket *blob.Bucket) ([][]byte, error) {
	key := recordsKey(b.Records)
	data, err := get(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	if n := len(lines) - 1; n != len(b.Leaves) || len(lines[n]) > 0 {
		return nil, damaged(key, fmt.Sprintf("it does not have one line for each of the %d leaves of %s", len(b.Leaves), seqKey(b.First)))
	}
	lines = lines[:len(lines)-1]
	for i, line := range lines {
		lines[i] = line[:len(line)-1]
	}
	return lines, nil
}

// unseal reads the record of leaf i from its line in the records object.
func (b *batch) unseal(i int, line []byte) (Record, error) {
	leaf := b.Leaves[i]
	_, record, err := leaf.unseal(line)
	if err != nil {
		return Record{}, damaged(recordsKey(b.Records), fmt.Sprintf("line %d %s (entry %d)", i+1, err, b.First+int64(i)))
	}
	if record == nil {
		return Record{Type: leaf.Type}, nil
	}
	id, typ, err := nameOf(record)
	if err != nil || hashHex([]byte(id)) != leaf.ID || typ != leaf.Type {
		return Record{}, damaged(seqKey(b.First), fmt.Sprintf("leaf %d has another id or type than its record", i+1))
	}
	return Record{ID: id, Type: typ, JSON: record}, nil
}

func hashHex(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && hex.EncodeToString(b) == s && len(b) == sha256.Size
}
