package ledger

import (
	"context"
	"errors"
	"fmt"

	"filippo.io/torchwood"
	"gocloud.dev/blob"
	"golang.org/x/mod/sumdb/tlog"
)

// tree is the right edge of a Merkle tree in tiles: of every level the tile
// that is not full yet. That is all it takes to go on; a full tile is known by
// one hash in the level above.
type tree struct {
	size    int64
	entries [][]byte      // of the entry bundle that is not full
	levels  [][]tlog.Hash // level -> hashes of the tile that is not full
}

// tile is where the hash or entry number n of a level stands, as the last of a
// tile.
func tileEndingAt(level int, n int64) tlog.Tile {
	return tlog.Tile{H: torchwood.TileHeight, L: level, N: n / torchwood.TileWidth, W: int(n%torchwood.TileWidth) + 1}
}

// grow appends entries and returns the tiles and entry bundles that a reader of
// the grown tree needs and a reader of the tree before did not: those that
// became full and those that grew and are not full.
func (t *tree) grow(entries [][]byte) []object {
	before := t.size
	var full []object
	for _, entry := range entries {
		t.entries = append(t.entries, entry)
		if len(t.entries) == torchwood.TileWidth {
			full = append(full, bundleObject(tileEndingAt(-1, t.size), t.entries))
			t.entries = nil
		}
		h := tlog.RecordHash(entry)
		for level := 0; ; level++ {
			if level == len(t.levels) {
				t.levels = append(t.levels, nil)
			}
			t.levels[level] = append(t.levels[level], h)
			if len(t.levels[level]) < torchwood.TileWidth {
				break
			}
			tile := tileEndingAt(level, t.size>>(torchwood.TileHeight*level))
			full = append(full, tileObject(tile, t.levels[level]))
			h = rootOf(t.levels[level])
			t.levels[level] = nil
		}
		t.size++
	}
	if len(t.entries) > 0 && t.size > before {
		full = append(full, bundleObject(tileEndingAt(-1, t.size-1), t.entries))
	}
	for level, hashes := range t.levels {
		shift := torchwood.TileHeight * level
		if len(hashes) > 0 && t.size>>shift > before>>shift {
			full = append(full, tileObject(tileEndingAt(level, t.size>>shift-1), hashes))
		}
	}
	return full
}

func tileObject(tile tlog.Tile, hashes []tlog.Hash) object {
	data := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		data = append(data, h[:]...)
	}
	return object{torchwood.TilePath(tile), data}
}

func bundleObject(tile tlog.Tile, entries [][]byte) object {
	var data []byte
	for _, e := range entries {
		data = append(data, byte(len(e)>>8), byte(len(e))) // MaxType keeps an entry far below 65,536 bytes
		data = append(data, e...)
	}
	return object{torchwood.TilePath(tile), data}
}

// rootOf is the root of a full tile.
func rootOf(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(rootOf(hashes[:half]), rootOf(hashes[half:]))
}

// root is the root hash of the tree (RFC 6962, section 2.1).
func (t *tree) root() (tlog.Hash, error) {
	return tlog.TreeHash(t.size, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			// The subtrees that make up a tree all stand in its right edge.
			level := tlog.TileForIndex(torchwood.TileHeight, index).L
			if level >= len(t.levels) {
				return nil, errors.New("a tile is missing in the tree's edge")
			}
			edge := t.levels[level]
			tile := tileEndingAt(level, t.size>>(torchwood.TileHeight*level)-1)
			data := tileObject(tile, edge).data
			var err error
			if hashes[i], err = tlog.HashFromTile(tile, data, index); err != nil {
				return nil, err
			}
		}
		return hashes, nil
	}))
}

// loadTree reads the right edge of the tree that cp signs, and checks it against
// cp's root.
func loadTree(ctx context.Context, b *blob.Bucket, cp Checkpoint) (*tree, error) {
	t := &tree{size: cp.Size}
	if cp.Size == 0 {
		return t, nil
	}
	for level := 0; cp.Size>>(torchwood.TileHeight*level) > 0; level++ {
		n := cp.Size >> (torchwood.TileHeight * level)
		t.levels = append(t.levels, nil)
		if n%torchwood.TileWidth == 0 {
			continue
		}
		tile := tileEndingAt(level, n-1)
		data, err := getTile(ctx, b, tile)
		if err != nil {
			return nil, err
		}
		for ; len(data) > 0; data = data[tlog.HashSize:] {
			t.levels[level] = append(t.levels[level], tlog.Hash(data[:tlog.HashSize]))
		}
	}
	root, err := t.root()
	if err != nil || root != cp.Root {
		return nil, damaged(torchwood.TilePath(tileEndingAt(0, cp.Size-1)),
			fmt.Sprintf("it, or a tile above it, does not lead to the root of the checkpoint of %d entries", cp.Size))
	}
	if cp.Size%torchwood.TileWidth == 0 {
		return t, nil
	}
	bundle := tileEndingAt(-1, cp.Size-1)
	data, err := getTile(ctx, b, bundle)
	if err != nil {
		return nil, err
	}
	if t.entries, err = cutEntries(data); err != nil {
		return nil, damaged(torchwood.TilePath(bundle), err.Error())
	}
	if !hashTo(t.entries, t.levels[0]) {
		return nil, damaged(torchwood.TilePath(bundle), "its entries are not those of the tree")
	}
	return t, nil
}

// getTile reads a tile or an entry bundle.
func getTile(ctx context.Context, b *blob.Bucket, tile tlog.Tile) ([]byte, error) {
	key := torchwood.TilePath(tile)
	data, err := get(ctx, b, key)
	if err != nil {
		return nil, err
	}
	if tile.L >= 0 && len(data) != tile.W*tlog.HashSize {
		return nil, damaged(key, fmt.Sprintf("it has %d bytes instead of %d", len(data), tile.W*tlog.HashSize))
	}
	return data, nil
}

// cutEntries takes an entry bundle apart.
func cutEntries(data []byte) ([][]byte, error) {
	var entries [][]byte
	for len(data) > 0 {
		entry, rest, err := torchwood.ReadTileEntry(data)
		if err != nil {
			return nil, errors.New("it is cut short")
		}
		entries, data = append(entries, entry), rest
	}
	return entries, nil
}

func hashTo(entries [][]byte, hashes []tlog.Hash) bool {
	if len(entries) != len(hashes) {
		return false
	}
	for i, e := range entries {
		if tlog.RecordHash(e) != hashes[i] {
			return false
		}
	}
	return true
}
