package mask_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/keys"
)

// partnersKeeper is the key service of a partner: masktest://any.
type partnersKeeper struct {
	*secrets.Keeper
	mu   sync.Mutex
	code gcerrors.ErrorCode
}

type refused struct{}

func (refused) Error() string { return "refused" }

func (k *partnersKeeper) OpenKeeperURL(context.Context, *url.URL) (*secrets.Keeper, error) {
	return secrets.NewKeeper(k), nil
}

func (k *partnersKeeper) says(code gcerrors.ErrorCode) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.code = code
}

func (k *partnersKeeper) Decrypt(ctx context.Context, wrapped []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.code != gcerrors.OK {
		return nil, refused{}
	}
	return k.Keeper.Decrypt(ctx, wrapped)
}

func (k *partnersKeeper) Close() error            { return nil }
func (k *partnersKeeper) ErrorAs(error, any) bool { return false }
func (k *partnersKeeper) ErrorCode(err error) gcerrors.ErrorCode {
	if errors.Is(err, refused{}) {
		return k.code
	}
	return gcerrors.Code(err)
}

// brought is the one key service of these tests.
var brought = func() *partnersKeeper {
	key, err := localsecrets.NewRandomKey()
	if err != nil {
		panic(err)
	}
	return &partnersKeeper{Keeper: localsecrets.NewKeeper(key)}
}()

func TestMain(m *testing.M) {
	secrets.DefaultURLMux().RegisterKeeper("masktest", brought)
	os.Exit(m.Run())
}

// While the key that a partner brings cannot be had, what needs it waits or is
// recorded as failed; what does not need it, and others, go on.
func TestPartnersOwnKey(t *testing.T) {
	partner := func(id, more string, subscriptions ...string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: " + id + "\n" + more + "subscriptions:\n" + strings.Join(subscriptions, ""))}
	}
	bundle, err := exchange.Load(fstest.MapFS{
		"exchange.yaml":              {Data: []byte("apiVersion: sallyport.io/v1\nkind: Exchange\nname: test\n")},
		"contracts/orders.odcs.yaml": {Data: []byte(contractFile)},
		"profiles/tokens.yaml":       {Data: []byte("apiVersion: sallyport.io/v1\nkind: Profile\nid: tokens\nrules:\n- {path: name, transform: {type: token}}\n")},
		"partners/own.yaml":          partner("own", "keys: {keeper: \"masktest://own\"}\n", subscription("own-tokens", "  profile: tokens\n"), subscription("own-plain", "")),
		"partners/other.yaml":        partner("other", "", subscription("other-tokens", "  profile: tokens\n")),
	})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, subscription("unused", ""))
		if err := exchange.Open(w.buckets["config"]).Publish(t.Context(), bundle); err != nil {
			t.Fatal(err)
		}
		w.digest = bundle.Digest()
		e := w.segment(rows, csvFormat)
		// outcome is what becomes of each subscription: its event's type and, if it
		// failed, the code.
		outcome := func() (map[string]string, error) {
			t.Helper()
			out, err := w.f.Handle(t.Context(), e)
			got := map[string]string{}
			for _, made := range out {
				if made.Type() == event.TypeDeliveryFailed {
					d, err := event.Decode[event.Delivery](made)
					if err != nil {
						t.Fatal(err)
					}
					got[d.Subscription] = d.Fault.Code
					continue
				}
				s, err := event.Decode[event.SegmentMasked](made)
				if err != nil {
					t.Fatal(err)
				}
				got[s.Subscription] = "masked"
			}
			return got, err
		}
		expect := func(name, own string, retried bool) {
			t.Helper()
			got, err := outcome()
			want := map[string]string{"own-plain": "masked", "other-tokens": "masked"}
			if own != "" {
				want["own-tokens"] = own
			}
			if len(got) != len(want) || got["own-plain"] != "masked" || got["other-tokens"] != "masked" || got["own-tokens"] != want["own-tokens"] {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
			var partial *fault.Partial
			if errors.As(err, &partial) != retried || retried && fault.KindOf(err) != fault.Retry || !retried && err != nil {
				t.Errorf("%s: error %v", name, err)
			}
			if retried && (strings.Contains(err.Error(), "Ann") || !strings.Contains(err.Error(), "subscription=own-tokens")) {
				t.Errorf("%s: error %v", name, err)
			}
		}
		expect("no key yet", "", true)
		if err := keys.Create(t.Context(), w.ring, keys.OfPartner("own", "masktest://own")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(keys.Refresh)
		brought.says(gcerrors.Internal)
		expect("the key service is down", "", true)
		time.Sleep(time.Minute)
		brought.says(gcerrors.PermissionDenied)
		expect("the key was taken back", keys.CodeRevoked, false)
		time.Sleep(time.Minute)
		brought.says(gcerrors.OK)
		expect("it answers", "masked", false)
		time.Sleep(25 * time.Hour)
		brought.says(gcerrors.Internal)
		expect("it is down for longer than a destination would be tried", keys.CodeUnreachable, false)
		brought.says(gcerrors.OK)
	})
}
