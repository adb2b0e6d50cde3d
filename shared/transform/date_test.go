package transform

import "testing"

// TestStartsWithDate puts every byte into every place of a date.
func TestStartsWithDate(t *testing.T) {
	const date = "2019-11-12"
	for i := range len(date) {
		for c := range 256 {
			value := []byte(date)
			value[i] = byte(c)
			want := isDigit(byte(c))
			switch i {
			case 4, 7:
				want = c == '-'
			case 5, 8: // 01 to 19, of which months and days there are
				want = want && (c == '0' || c == '1' || i == 8 && c <= '2')
			case 6:
				want = want && c >= '0' && c <= '2'
			}
			if i == 8 && c == '3' {
				want = false // 32
			}
			if got := startsWithDate(value); got != want {
				t.Errorf("%q: %v, want %v", value, got, want)
			}
		}
	}
}
