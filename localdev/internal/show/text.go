package show

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// Clean is text with nothing in it that a terminal would act upon: line ends
// show as ⏎, tabs as spaces, and other control characters, characters that
// change the direction of text, and bytes that are not UTF-8, as �.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r == '\t':
			return ' '
		case r == '\r':
			return -1
		case r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co):
			return utf8.RuneError
		}
		return r
	}, text)
}

// Width is how many columns a cleaned text takes.
func Width(text string) int { return condition().StringWidth(text) }

// Cut shortens a cleaned text to so many columns; its last one is … then.
func Cut(text string, width int) string {
	if Width(text) <= width {
		return text
	}
	return condition().Truncate(text, max(width, 1), "…")
}

// condition says how wide characters are, the same everywhere: the library's
// default goes by the environment.
func condition() *runewidth.Condition { return &runewidth.Condition{StrictEmojiNeutral: true} }

// Wrap breaks a cleaned text at its spaces into lines of at most so many
// columns. A word that is wider has a line of its own, and is not broken: it
// may be a path that somebody wants to copy.
func Wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case Width(line)+1+Width(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// Break breaks a cleaned text anywhere into lines of so many columns, at most so
// many; the last one is cut if the text is longer.
func Break(text string, width, lines int) []string {
	var broken []string
	for len(broken) < lines-1 && Width(text) > width {
		line := condition().Truncate(text, width, "")
		if line == "" {
			break // one character is wider than a line
		}
		broken = append(broken, line)
		text = text[len(line):]
	}
	return append(broken, Cut(text, width))
}

// Count is a number with its noun: "1 row", "2 rows", "12,345 rows".
func Count(n int64, noun string) string {
	if n != 1 {
		switch {
		case strings.HasSuffix(noun, "y"):
			noun = strings.TrimSuffix(noun, "y") + "ies"
		default:
			noun += "s"
		}
	}
	return Number(n) + " " + noun
}

// Number is a number whose digits are parted in threes.
func Number(n int64) string {
	digits := []byte(strconv.FormatInt(n, 10))
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(d)
	}
	return sign + b.String()
}

// Bytes is a number of bytes in a unit that fits: "512 B", "4.2 MB".
func Bytes(n int64) string {
	units := [...]string{"kB", "MB", "GB", "TB", "PB", "EB"}
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, u := float64(n)/1000, 0
	for v >= 999.95 && u < len(units)-1 {
		v, u = v/1000, u+1
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + units[u]
}

func repeat(text string, n int) string { return strings.Repeat(text, max(n, 0)) }
