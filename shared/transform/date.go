package transform

// cutToMonth and cutToYear take what starts with an ISO 8601 date
// ("2006-01-02", alone or followed by "T" or a space and a time) and append the
// first day of its month or year, so that the field still holds a date. A
// timestamp's date is taken as it is written, in the offset that it is written
// in.
func cutToMonth(dst, value []byte) ([]byte, bool) {
	if !startsWithDate(value) {
		return dst, false
	}
	return append(append(dst, value[:7]...), "-01"...), true
}

func cutToYear(dst, value []byte) ([]byte, bool) {
	if !startsWithDate(value) {
		return dst, false
	}
	return append(append(dst, value[:4]...), "-01-01"...), true
}

func startsWithDate(value []byte) bool {
	if len(value) < 10 || value[4] != '-' || value[7] != '-' {
		return false
	}
	if len(value) > 10 && value[10] != 'T' && value[10] != 't' && value[10] != ' ' {
		return false
	}
	for _, i := range [...]int{0, 1, 2, 3, 5, 6, 8, 9} {
		if !isDigit(value[i]) {
			return false
		}
	}
	month, day := 10*(value[5]-'0')+value[6]-'0', 10*(value[8]-'0')+value[9]-'0'
	return month >= 1 && month <= 12 && day >= 1 && day <= 31
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
