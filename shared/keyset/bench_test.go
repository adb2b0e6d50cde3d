package keyset

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkAdd adds fresh keys, 256 at a time as a validator does, to sets that
// stay in memory and to such that spill. A million keys are 16 MB.
func BenchmarkAdd(b *testing.B) {
	for _, c := range []struct {
		millions int
		memory   int64
	}{{1, 64 << 20}, {4, 256 << 20}, {4, 64 << 20}, {4, 16 << 20}, {16, 64 << 20}} {
		b.Run(fmt.Sprintf("%dM/%dMiB", c.millions, c.memory>>20), func(b *testing.B) {
			n := c.millions * 1e6
			var peak int64
			for b.Loop() {
				peak = fill(b, n, Options{Memory: c.memory, Disk: &Disk{Dir: b.TempDir()}})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/key")
			b.ReportMetric(float64(peak)/float64(n)*8, "bits/key")
		})
	}
}

// fill adds n fresh keys and answers the most that the set held.
func fill(t testing.TB, n int, o Options) (peak int64) {
	s := New(o)
	defer s.Close()
	var keys [256]Key
	for i := 0; i < n; i += len(keys) {
		for j := range keys {
			keys[j] = mix(uint64(i + j))
		}
		s.Touch(keys[:])
		for _, k := range keys {
			if fresh, err := s.Add(k); err != nil || !fresh {
				t.Fatalf("key %d: fresh %v, error %v", i, fresh, err)
			}
		}
		peak = max(peak, s.Memory())
	}
	return peak
}

// mix makes a key of a number (splitmix64).
func mix(x uint64) (k Key) {
	for i := range k {
		x += 0x9e3779b97f4a7c15
		z := x
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		k[i] = z ^ z>>31
	}
	return k
}

// TestMany adds as many million keys as SALLYPORT_TEST_KEYS says, in the MiB of
// SALLYPORT_TEST_MEMORY: the process takes little more than that.
func TestMany(t *testing.T) {
	millions, _ := strconv.Atoi(os.Getenv("SALLYPORT_TEST_KEYS"))
	memory, _ := strconv.ParseInt(os.Getenv("SALLYPORT_TEST_MEMORY"), 10, 64)
	if millions == 0 || memory == 0 {
		t.Skip("SALLYPORT_TEST_KEYS and SALLYPORT_TEST_MEMORY are not set: make soak does")
	}
	start := time.Now()
	peak := fill(t, millions*1e6, Options{Memory: memory << 20})
	t.Logf("%d million keys in %v, %d MiB in the set", millions, time.Since(start).Round(time.Second), peak>>20)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("only Linux tells what the process took")
	}
	_, resident, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(resident, &kib); err != nil {
		t.Fatal(err)
	}
	if t.Logf("%d MiB in the process", kib>>10); kib>>10 > memory+32 {
		t.Errorf("more than %d MiB", memory+32)
	}
}
