package sallyport_test

import (
	"path"
	"slices"
	"testing"
)

// TestBinaries holds what each function links, on each cloud, to its drivers: a
// foreign cloud's cost time and megabytes at every cold start, and a driver that
// a function has no use for is a door too many.
func TestBinaries(t *testing.T) {
	clouds := []struct {
		name  string // the folder of its mains
		links []string
		never []string
		keys  string // the driver of the key service, for who has the key ring
		signs string // the driver of the secrets, for who signs; Cloud Run puts them in the environment itself
	}{
		{name: "lambda", links: []string{"gocloud.dev/blob/s3blob", "gocloud.dev/pubsub/awssnssqs", module + "shared/host/lambdahost"},
			never: []string{"cloud.google.com/go", "github.com/Azure/*", "github.com/GoogleCloudPlatform/*", "github.com/nats-io", "github.com/IBM/sarama", "github.com/rabbitmq",
				"gocloud.dev/blob/memblob", "gocloud.dev/blob/fileblob", "gocloud.dev/pubsub/mempubsub"},
			keys: "gocloud.dev/secrets/awskms", signs: "gocloud.dev/runtimevar/awssecretsmanager"},
		{name: "gcf", links: []string{"gocloud.dev/blob/gcsblob", "gocloud.dev/pubsub/gcppubsub", module + "shared/host/gcfhost"},
			never: []string{"github.com/aws/*", "github.com/Azure/*", "github.com/nats-io", "github.com/IBM/sarama", "github.com/rabbitmq",
				"gocloud.dev/blob/memblob", "gocloud.dev/blob/fileblob", "gocloud.dev/pubsub/mempubsub"},
			keys: "gocloud.dev/secrets/gcpkms"},
	}
	functions := []string{"ingest", "mask", "fanout", "audit", "reveal"}
	found := map[string]pkg{}
	for _, p := range packages(t) {
		found[p.ImportPath] = p
	}
	for _, cloud := range clouds {
		for _, function := range functions {
			t.Run(path.Join(cloud.name, function), func(t *testing.T) {
				main, ok := found[path.Join("functions", function, cloud.name)]
				if !ok {
					t.Fatalf("there is no functions/%s/%s", function, cloud.name)
				}
				for _, dep := range main.Deps {
					if under(dep, cloud.never...) || under(dep, "gocloud.dev/secrets/aws*", "gocloud.dev/secrets/gcp*", "gocloud.dev/secrets/azure*", "gocloud.dev/secrets/hashivault", "gocloud.dev/secrets/localsecrets") && dep != cloud.keys {
						t.Errorf("it links %s", dep)
					}
					for _, other := range functions {
						if other != function && dep == module+"functions/"+other {
							t.Errorf("it links the function %s", other)
						}
					}
				}
				for _, dep := range append(slices.Clone(cloud.links), module+"functions/"+function) {
					if !slices.Contains(main.Deps, dep) {
						t.Errorf("it does not link %s", dep)
					}
				}
				for _, dep := range main.Deps {
					if under(dep, "gocloud.dev/runtimevar/*") && dep != "gocloud.dev/runtimevar/driver" && (dep != cloud.signs || function != "audit") {
						t.Errorf("it links %s", dep)
					}
				}
				if has := slices.Contains(main.Deps, cloud.signs); has != (cloud.signs != "" && function == "audit") {
					t.Errorf("it links %s: %v", cloud.signs, has)
				}
				if has := slices.Contains(main.Deps, cloud.keys); has != (function == "mask" || function == "reveal") {
					t.Errorf("it links %s: %v", cloud.keys, has)
				}
			})
		}
	}
}
