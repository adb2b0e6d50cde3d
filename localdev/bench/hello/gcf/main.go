// Command gcf is a function that does nothing, in gcfhost: what the host takes
// to start, without a function and the drivers of a cloud.
package main

import (
	"context"

	_ "gocloud.dev/pubsub/mempubsub"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
)

type config struct{}

type nothing struct{}

func open(context.Context, config) (nothing, error) { return nothing{}, nil }

func (nothing) Handle(context.Context, event.Event) ([]event.Event, error) { return nil, nil }
func (nothing) Close() error                                               { return nil }

func main() { gcfhost.Main("hello", open) }
