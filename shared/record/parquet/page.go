package parquet

import (
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// What is held of a file at a time.
const (
	maxPage       = 64 << 20  // bytes of a page, packed or unpacked
	maxHeld       = 256 << 20 // bytes of the pages of all columns
	maxPageHeader = 4 << 20
	maxPageValues = 16 << 20
	readAhead     = 128 << 10
)

// The types of pages (PageType).
const (
	pageData       = 0
	pageIndex      = 1
	pageDictionary = 2
	pageDataV2     = 3
)

// pageHeader is what is needed of a PageHeader.
type pageHeader struct {
	typ, unpacked, packed int64
	crc                   uint32
	checked               bool // crc is there
	values, encoding      int64
	nulls                 int64
	defs, reps            int64 // bytes of the levels, of a V2 page
	plain                 bool  // a V2 page that is not packed
}

func readPageHeader(data []byte) (h pageHeader, size int, ok bool) {
	t := &thriftReader{data: data}
	put := func(typ byte, to *int64) bool {
		if typ != thriftI32 {
			return false
		}
		*to = t.int()
		return true
	}
	t.fields(func(id int16, typ byte) bool {
		switch id {
		case 1:
			return put(typ, &h.typ)
		case 2:
			return put(typ, &h.unpacked)
		case 3:
			return put(typ, &h.packed)
		case 4:
			var crc int64
			h.checked = put(typ, &crc)
			h.crc = uint32(crc)
			return h.checked
		case 5, 7, 8:
			if typ != thriftStruct {
				return false
			}
			v2 := id == 8
			t.fields(func(id int16, typ byte) bool {
				switch {
				case id == 1:
					return put(typ, &h.values)
				case id == 2 && !v2, id == 4 && v2:
					return put(typ, &h.encoding)
				case id == 2:
					return put(typ, &h.nulls)
				case id == 5 && v2:
					return put(typ, &h.defs)
				case id == 6 && v2:
					return put(typ, &h.reps)
				case id == 7 && v2:
					h.plain = typ == thriftFalse
				}
				return false
			})
			return true
		}
		return false
	})
	return h, t.at, !t.bad
}

// leaf reads the values of one column, page by page.
type leaf struct {
	r              *reader
	typ            int
	width          int
	conv           conv
	raw            bool // JSON that stands for what it says
	maxDef, maxRep byte
	path           string
	e              element

	// the column chunk at hand
	codec      int
	off, end   int64
	left       int64 // entries that no page has brought yet
	buf        []byte
	used       int
	dict       values
	hasDict    bool
	dictBuf    []byte
	page       []byte
	held       int
	defs, reps []byte

	// the page at hand
	n, pos  int // entries
	vals    values
	indexes []uint32 // into dict
	inDict  bool
	v, nv   int // values that are not null
}

func (l *leaf) corrupt(msg string) error {
	return corrupt(fmt.Sprintf("%s, in column %q", msg, short(l.path)))
}

// begin turns to the next row group.
func (l *leaf) begin(c *chunk, dataEnd int64) error {
	start := c.dataPage
	if c.dictPage > 0 && c.dictPage < start {
		start = c.dictPage
	}
	if c.typ != l.typ || start < int64(len(magic)) || c.size < 0 || c.size > dataEnd-start || c.values < 0 {
		return l.corrupt("the footer names a place that is not in the file")
	}
	l.codec, l.off, l.end, l.left = c.codec, start, start+c.size, c.values
	l.buf, l.used, l.hasDict = l.buf[:0], 0, false
	l.n, l.pos, l.v, l.nv = 0, 0, 0, 0
	return nil
}

// want makes the next n bytes of the chunk stand at l.buf[l.used:], or all that
// there are.
func (l *leaf) want(n int) error {
	if len(l.buf)-l.used >= n || l.off == l.end {
		return nil
	}
	rest := copy(l.buf, l.buf[l.used:])
	l.buf, l.used = l.buf[:rest], 0
	more := int(min(int64(max(n-rest, readAhead)), l.end-l.off))
	l.buf = slices.Grow(l.buf, more)[:rest+more]
	if err := readAt(l.r.src, l.buf[rest:], l.off); err != nil {
		return err
	}
	l.off += int64(more)
	return nil
}

// load reads the next page with entries. There is none left if l.left is 0.
func (l *leaf) load() error {
	for l.left > 0 {
		h, err := l.header()
		if err != nil {
			return err
		}
		if h.packed < 0 || h.unpacked < 0 || h.values < 0 || h.values > maxPageValues || h.defs < 0 || h.reps < 0 || h.nulls < 0 {
			return l.corrupt("a page has a header that cannot be")
		}
		if h.packed > maxPage || h.unpacked > maxPage {
			return fault.New(fault.Invalid, "parquet-page", fmt.Sprintf("a page of column %q has more than %d bytes", short(l.path), maxPage), "write pages of about 1 MiB, as writers do by default")
		}
		if err := l.want(int(h.packed)); err != nil {
			return err
		}
		if len(l.buf)-l.used < int(h.packed) {
			return l.corrupt("a page ends before its end")
		}
		body := l.buf[l.used : l.used+int(h.packed)]
		l.used += int(h.packed)
		if h.checked && crc32.ChecksumIEEE(body) != h.crc {
			return fault.New(fault.Invalid, "parquet-checksum", fmt.Sprintf("a page of column %q does not have the bytes that its checksum is of", short(l.path)), "send the whole file again")
		}
		// Levels and indexes cost memory that the page need not have bytes for.
		if err := l.r.charge(&l.r.unpacked, h.unpacked+h.values); err != nil {
			return err
		}
		switch h.typ {
		case pageDictionary:
			err = l.dictionary(&h, body)
		case pageData:
			err = l.v1(&h, body)
		case pageDataV2:
			err = l.v2(&h, body)
		case pageIndex:
			continue
		default:
			err = l.corrupt("there is a page of a kind that there is not")
		}
		if err != nil {
			return err
		}
		if err := l.hold(); err != nil {
			return err
		}
		if h.typ == pageDictionary || l.n == 0 {
			continue
		}
		if l.left -= int64(l.n); l.left < 0 {
			return l.corrupt("pages have more values than the footer says")
		}
		return nil
	}
	return nil
}

func (l *leaf) header() (pageHeader, error) {
	for n := 4 << 10; ; n *= 4 {
		if err := l.want(n); err != nil {
			return pageHeader{}, err
		}
		window := l.buf[l.used:]
		h, size, ok := readPageHeader(window)
		if ok {
			l.used += size
			return h, nil
		}
		if l.off == l.end || n > maxPageHeader {
			return h, l.corrupt("the header of a page cannot be read")
		}
	}
}

// hold counts what the columns hold in memory.
func (l *leaf) hold() error {
	now := cap(l.buf) + cap(l.page) + cap(l.dictBuf) + cap(l.defs) + cap(l.reps) + 4*(cap(l.indexes)+cap(l.vals.at)+cap(l.dict.at)) + l.vals.own
	l.r.held += now - l.held
	l.held = now
	if l.r.held > maxHeld {
		return fault.New(fault.Invalid, "parquet-pages", fmt.Sprintf("the pages of its columns need more than %d bytes of memory together", maxHeld), "write smaller pages, or send fewer columns")
	}
	return nil
}

func (l *leaf) unpacked(dst *[]byte, body []byte, size int) ([]byte, error) {
	if l.codec == codecPlain {
		if len(body) != size {
			return nil, l.corrupt("a page that is not packed declares another size than it has")
		}
		return body, nil
	}
	out, err := l.r.unpacker.unpack(*dst, body, l.codec, size)
	if err == nil {
		*dst = out
	}
	return out, err
}

func (l *leaf) dictionary(h *pageHeader, body []byte) error {
	if l.hasDict || h.encoding != encPlain && h.encoding != encPlainDictionary || l.typ == typeBoolean {
		return l.corrupt("a dictionary stands where none can be")
	}
	data, err := l.unpacked(&l.dictBuf, body, int(h.unpacked))
	if err != nil {
		return err
	}
	if l.codec == codecPlain {
		l.dictBuf = append(l.dictBuf[:0], data...)
		data = l.dictBuf
	}
	l.dict.width = l.width
	if !l.dict.plain(l.typ, data, int(h.values)) {
		return l.corrupt("a dictionary ends before its end")
	}
	l.hasDict = true
	return nil
}

// v1 reads a data page whose levels are packed with its values.
func (l *leaf) v1(h *pageHeader, body []byte) error {
	data, err := l.unpacked(&l.page, body, int(h.unpacked))
	if err != nil {
		return err
	}
	l.n, l.pos = int(h.values), 0
	levels := func(dst []byte, max byte) ([]byte, error) {
		if len(data) < 4 {
			return nil, l.corrupt("the levels of a page are missing")
		}
		size := int(uint32(data[0]) | uint32(data[1])<<8 | uint32(data[2])<<16 | uint32(data[3])<<24)
		if size > len(data)-4 {
			return nil, l.corrupt("the levels of a page end before their end")
		}
		src := data[4 : 4+size]
		data = data[4+size:]
		return l.levels(dst, src, max)
	}
	if l.maxRep > 0 {
		if l.reps, err = levels(l.reps, l.maxRep); err != nil {
			return err
		}
	}
	if l.maxDef > 0 {
		if l.defs, err = levels(l.defs, l.maxDef); err != nil {
			return err
		}
	}
	return l.values(int(h.encoding), data)
}

// v2 reads a data page whose levels stand before its values, never packed.
func (l *leaf) v2(h *pageHeader, body []byte) (err error) {
	if h.defs+h.reps > int64(len(body)) || h.defs+h.reps > h.unpacked {
		return l.corrupt("the levels of a page end before their end")
	}
	l.n, l.pos = int(h.values), 0
	reps, defs, data := body[:h.reps], body[h.reps:h.reps+h.defs], body[h.reps+h.defs:]
	if l.maxRep > 0 {
		if l.reps, err = l.levels(l.reps, reps, l.maxRep); err != nil {
			return err
		}
	}
	if l.maxDef > 0 {
		if l.defs, err = l.levels(l.defs, defs, l.maxDef); err != nil {
			return err
		}
	}
	if !h.plain {
		size := int(h.unpacked - h.defs - h.reps)
		if size == 0 || len(data) == 0 {
			data = nil
		} else if data, err = l.unpacked(&l.page, data, size); err != nil {
			return err
		}
	}
	return l.values(int(h.encoding), data)
}

func (l *leaf) levels(dst, src []byte, max byte) ([]byte, error) {
	dst, _, ok := hybrid(dst[:0], src, bitWidth(int(max)), l.n)
	if !ok {
		return dst, l.corrupt("the levels of a page end before their end")
	}
	for _, level := range dst {
		if level > max {
			return dst, l.corrupt("a level is higher than its column has")
		}
	}
	return dst, nil
}

// values decodes the values of the page at hand, whose levels are known.
func (l *leaf) values(encoding int, data []byte) error {
	l.v, l.nv = 0, l.n
	if l.maxDef > 0 {
		l.nv = 0
		for _, d := range l.defs[:l.n] {
			if d == l.maxDef {
				l.nv++
			}
		}
	}
	l.inDict = encoding == encRLEDictionary || encoding == encPlainDictionary
	l.vals.width = l.width
	if l.nv == 0 {
		return nil
	}
	if !l.inDict {
		if encoding < 0 || encoding > encByteStreamSplit || encoding == encBitPacked || encoding == 1 {
			return l.corrupt("values are written in an encoding that there is not")
		}
		if !l.vals.decode(l.typ, encoding, data, l.nv, maxPage) {
			return l.corrupt("the values of a page end before their end")
		}
		return nil
	}
	if !l.hasDict || len(data) == 0 {
		return l.corrupt("a page needs a dictionary that is not there")
	}
	var ok bool
	if l.indexes, _, ok = hybrid(l.indexes[:0], data[1:], int(data[0]), l.nv); !ok {
		return l.corrupt("the values of a page end before their end")
	}
	for _, i := range l.indexes {
		if int(i) >= l.dict.n {
			return l.corrupt("a page names a value that its dictionary does not have")
		}
	}
	return nil
}

// next is the value of the entry at hand, which has one.
func (l *leaf) next() []byte {
	i := l.v
	l.v++
	if l.inDict {
		return l.dict.get(int(l.indexes[i]))
	}
	return l.vals.get(i)
}
