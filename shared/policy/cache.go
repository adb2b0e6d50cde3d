package policy

import (
	"context"
	"sync"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// cached is how many policies are kept: a few exchanges live at once.
const cached = 8

// Cache compiles the bundles of a repository, each once while it is in use. Safe
// for concurrent use.
type Cache struct {
	bundles *exchange.Repository

	mu       sync.Mutex
	compiled map[string]*Policy // by digest
}

// NewCache makes a cache over a repository.
func NewCache(bundles *exchange.Repository) *Cache {
	return &Cache{bundles: bundles, compiled: make(map[string]*Policy)}
}

// Get is the policy of the bundle with a digest. One that does not compile is
// Poison: check refuses to publish such a bundle.
func (c *Cache) Get(ctx context.Context, digest string) (*Policy, error) {
	if p := c.find(digest); p != nil {
		return p, nil
	}
	bundle, err := c.bundles.Get(ctx, digest)
	if err != nil {
		return nil, err
	}
	p, err := c.add(bundle)
	if err != nil {
		return nil, fault.Wrap(fault.Poison, "exchange-broken", err, "the exchange that the drop is pinned to does not compile")
	}
	return p, nil
}

// Newest is the policy of the newest bundle. One that does not compile is a
// Retry: the next that is published may.
func (c *Cache) Newest(ctx context.Context) (*Policy, error) {
	bundle, err := c.bundles.Newest(ctx)
	if err != nil {
		return nil, err
	}
	if p := c.find(bundle.Digest()); p != nil {
		return p, nil
	}
	p, err := c.add(bundle)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "exchange-broken", err, "the newest exchange does not compile")
	}
	return p, nil
}

func (c *Cache) find(digest string) *Policy {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.compiled[digest]
}

func (c *Cache) add(bundle *exchange.Bundle) (*Policy, error) {
	p, err := Compile(bundle)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.compiled) >= cached { // which one goes does not matter
		clear(c.compiled)
	}
	c.compiled[bundle.Digest()] = p
	return p, nil
}
