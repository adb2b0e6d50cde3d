package detect

// longestURL bounds what is taken for one URL.
const longestURL = 4096

// url is the URL (RFC 3986) around the colon at text[i], with a scheme and an
// authority; it begins at from at the earliest. What ends a sentence, or closes a
// bracket that the URL stands in, is no part of it.
func url(text []byte, i, from int) (h Hit, ok bool) {
	if i+3 >= len(text) || text[i+1] != '/' || text[i+2] != '/' {
		return Hit{}, false
	}
	start := i
	for start > max(from, i-20) && inScheme(text[start-1]) {
		start--
	}
	for start < i && !letter(text[start]) {
		start++
	}
	if i-start < 2 || start > from && classes[text[start-1]]&word != 0 {
		return Hit{}, false
	}
	end := i + 3
	for end < min(i+longestURL, len(text)) && inURL[text[end]] {
		end++
	}
	for end > i+3 && closes(text[end-1]) {
		end--
	}
	if end == i+3 || classes[text[i+3]]&word == 0 && text[i+3] != '[' && text[i+3] != '/' {
		return Hit{}, false
	}
	return Hit{start, end, URL}, true
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func inScheme(c byte) bool {
	return letter(c) || classes[c]&digit != 0 || c == '+' || c == '-' || c == '.'
}

// closes tells what a text, not a URL, is likely to go on with.
func closes(c byte) bool {
	switch c {
	case '.', ',', ';', ':', '!', '?', ')', ']', '}', '\'', '*', '_':
		return true
	}
	return false
}

// inURL are the bytes that a URL may have; beyond ASCII, too, for people write them so.
var inURL = func() (t [256]bool) {
	for c := range t {
		t[c] = c > ' ' && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' && c != '`' && c != '{' && c != '|' && c != '}' && c != 0x7f
	}
	return t
}()
