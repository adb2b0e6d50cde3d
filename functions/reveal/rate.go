package reveal

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// Refusals that are recorded one by one: each costs an entry in the ledger, and
// whoever reaches the function can cause them.
const (
	refusalsPerSecond = 5
	refusalsAtOnce    = 100
)

// rates count what goes through this process. It may be used concurrently.
type rates struct {
	mu         sync.Mutex
	grants     map[string]*rate.Limiter // by id
	refusals   *rate.Limiter
	unrecorded int
}

func newRates() *rates {
	return &rates{grants: map[string]*rate.Limiter{}, refusals: rate.NewLimiter(refusalsPerSecond, refusalsAtOnce)}
}

// take counts n tokens that are asked for under a grant of a bundle, and refuses
// them if they are more than the grant allows.
func (r *rates) take(b *exchange.Bundle, g *exchange.Grant, n int, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	perMinute := g.PerMinute()
	if n > perMinute {
		return fault.New(fault.Denied, CodeTooManyAtOnce, fmt.Sprintf("the grant allows %d tokens in a minute", perMinute), "ask for fewer at once")
	}
	limiter := r.grants[g.ID]
	if limiter == nil || limiter.Burst() != perMinute { // new, or changed
		for id := range r.grants { // those that there are no more
			if b.Grant(id) == nil {
				delete(r.grants, id)
			}
		}
		limiter = rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
		r.grants[g.ID] = limiter
	}
	if !limiter.AllowN(now, n) {
		return fault.New(fault.Retry, CodeTooFast, fmt.Sprintf("the grant allows %d tokens in a minute", perMinute), "ask for them later")
	}
	return nil
}

// recordable reports whether one more refusal is recorded; if not, it is counted.
func (r *rates) recordable(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refusals.AllowN(now, 1) {
		return true
	}
	r.unrecorded++
	return false
}

// takeUnrecorded are the refusals that were counted since the last time.
func (r *rates) takeUnrecorded() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.unrecorded
	r.unrecorded = 0
	return n
}

// putBackUnrecorded counts refusals whose record failed.
func (r *rates) putBackUnrecorded(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unrecorded += n
}
