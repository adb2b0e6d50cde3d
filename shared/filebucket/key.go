package filebucket

import (
	"errors"
	"strings"
	"syscall"
	"unicode/utf8"
)

// Escapes are those of gocloud's fileblob, "__0x2f__" for the byte '/', so that
// most keys are paths as they stand. Unlike there, a key that looks like an
// escape is escaped itself, so that no two keys have one path.
const (
	escapeMark = "__0x"
	escapeSize = len("__0x00__")
	hexDigits  = "0123456789abcdef"
)

// escapeKey is the path of a key below the bucket's folder. Escaped are
//
//   - control characters and the backslash,
//   - a slash that would make an empty part: at either end, or behind another,
//   - the first dot of the parts "." and "..", and of ".sallyport" in any case,
//   - the first underscore of what looks like an escape.
//
// The path is relative, in slashes, and stays below the folder.
func escapeKey(key string) string {
	var out strings.Builder
	start := 0 // of the part at hand
	for i := 0; i < len(key); i++ {
		c := key[i]
		escape := c < 0x20 || c == 0x7f || c == '\\'
		switch c {
		case '/':
			escape = i == 0 || i == len(key)-1 || key[i-1] == '/'
			if !escape {
				start = i + 1
			}
		case '.':
			escape = i == start && reserved(key[start:])
		case '_':
			escape = strings.HasPrefix(key[i:], escapeMark)
		}
		if escape {
			out.WriteString(escapeMark)
			out.WriteByte(hexDigits[c>>4])
			out.WriteByte(hexDigits[c&15])
			out.WriteString("__")
			continue
		}
		out.WriteByte(c)
	}
	return out.String()
}

// reserved reports whether the first part of rest is a name that no object and
// no folder of objects may have.
func reserved(rest string) bool {
	part, _, _ := strings.Cut(rest, "/")
	return part == "." || part == ".." || strings.EqualFold(part, hidden)
}

// unescape reverses escapeKey. What is not an escape stays as it is: whether a
// path is that of a key is known only when the key is escaped again.
func unescape(path string) string {
	if !strings.Contains(path, escapeMark) {
		return path
	}
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		if rest := path[i:]; len(rest) >= escapeSize && strings.HasPrefix(rest, escapeMark) && rest[6:escapeSize] == "__" {
			high, low := strings.IndexByte(hexDigits, rest[4]), strings.IndexByte(hexDigits, rest[5])
			if high >= 0 && low >= 0 {
				out.WriteByte(byte(high<<4 | low))
				i += escapeSize - 1
				continue
			}
		}
		out.WriteByte(path[i])
	}
	return out.String()
}

// keyOf is the key whose path is path, and false if no key has it: a file that
// somebody put there under a name like an escape, or not in UTF-8.
func keyOf(path string) (string, bool) {
	key := unescape(path)
	return key, utf8.ValidString(key) && escapeKey(key) == path
}

func notDir(err error) bool  { return errors.Is(err, syscall.ENOTDIR) }
func tooLong(err error) bool { return errors.Is(err, syscall.ENAMETOOLONG) }
