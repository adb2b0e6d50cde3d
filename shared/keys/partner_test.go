package keys

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// keepers are those of the scheme keyskeeper, by the host of their URLs.
var keepers keeperHouse

type keeperHouse struct{ all sync.Map }

// partnersKeeper is a partner's key service, which can be made to refuse.
type partnersKeeper struct {
	wrapping *secrets.Keeper
	mu       sync.Mutex
	refuses  gcerrors.ErrorCode // OK: it does not
	asked    int
}

type refusal struct{ code gcerrors.ErrorCode }

func (refusal) Error() string { return "secret-secret" }

func (h *keeperHouse) of(name string) *partnersKeeper {
	if k, ok := h.all.Load(name); ok {
		return k.(*partnersKeeper)
	}
	key, err := localsecrets.NewRandomKey()
	if err != nil {
		panic(err)
	}
	k, _ := h.all.LoadOrStore(name, &partnersKeeper{wrapping: localsecrets.NewKeeper(key)})
	return k.(*partnersKeeper)
}

func (h *keeperHouse) OpenKeeperURL(_ context.Context, u *url.URL) (*secrets.Keeper, error) {
	return secrets.NewKeeper(h.of(u.Host)), nil
}

func (k *partnersKeeper) says(code gcerrors.ErrorCode) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refuses = code
}

func (k *partnersKeeper) answer() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	if k.refuses != gcerrors.OK {
		return refusal{k.refuses}
	}
	return nil
}

func (k *partnersKeeper) Decrypt(ctx context.Context, wrapped []byte) ([]byte, error) {
	if err := k.answer(); err != nil {
		return nil, err
	}
	return k.wrapping.Decrypt(ctx, wrapped)
}

func (k *partnersKeeper) Encrypt(ctx context.Context, secret []byte) ([]byte, error) {
	if err := k.answer(); err != nil {
		return nil, err
	}
	return k.wrapping.Encrypt(ctx, secret)
}

func (k *partnersKeeper) Close() error            { return nil }
func (k *partnersKeeper) ErrorAs(error, any) bool { return false }
func (k *partnersKeeper) ErrorCode(err error) gcerrors.ErrorCode {
	var r refusal
	if errors.As(err, &r) {
		return r.code
	}
	return gcerrors.Code(err)
}

// A partner's key is its keeper's: another than the exchange's, with versions of
// its own, and of no use without the keeper.
func TestPartnersKey(t *testing.T) {
	conformance(t, func(t *testing.T, ringURL string) {
		created(t, ringURL)
		name := "host" + strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
		own := "keyskeeper://" + name
		now := time.Now()
		if _, err := open(t, ringURL).PartnerTokenKey("acme", "acme", now); fault.CodeOf(err) != CodeNoPartner || fault.KindOf(err) != fault.Retry {
			t.Errorf("without a key: %v", err)
		}
		if _, err := Rotate(t.Context(), ringURL, time.Time{}, OfPartner("acme", own)); fault.CodeOf(err) != CodeNoPartner {
			t.Errorf("rotating what is not there: %v", err)
		}
		if err := Create(t.Context(), ringURL, OfPartner("acme", own)); err != nil {
			t.Fatal(err)
		}
		if err := Create(t.Context(), ringURL, OfPartner("acme", own)); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a second key: %v", err)
		}
		next := now.Add(time.Hour)
		if n, err := Rotate(t.Context(), ringURL, next, OfPartner("acme", own)); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		r := open(t, ringURL)
		if n := keepers.of(name).asked; n != 2 {
			t.Errorf("the keeper was asked %d times before its key was needed", n)
		}
		acme := func(at time.Time) string {
			t.Helper()
			key, err := r.PartnerTokenKey("acme", "acme", at)
			if err != nil {
				t.Fatal(err)
			}
			return string(key.Secret())
		}
		first := acme(now)
		if exchange, err := r.TokenKey("acme", now); err != nil || string(exchange.Secret()) == first {
			t.Errorf("the exchange has the partner's key, %v", err)
		}
		if acme(next) == first || acme(next.Add(-1)) != first {
			t.Error("the versions do not follow each other")
		}
		if versions, err := r.Versions(); err != nil || len(versions) != 1 {
			t.Errorf("the exchange's key has %d versions, %v", len(versions), err)
		}
		if partners, err := r.Partners(); err != nil || len(partners) != 1 || partners[0] != "acme" {
			t.Errorf("partners %v, %v", partners, err)
		}
		if versions, err := r.PartnerVersions("acme"); err != nil || len(versions) != 2 {
			t.Errorf("acme's key has %d versions, %v", len(versions), err)
		}
		if err := Retire(t.Context(), ringURL, 2, OfPartner("acme", "")); err != nil {
			t.Fatal(err)
		}
		r = open(t, ringURL)
		if acme(next) != first {
			t.Error("a retired version is used")
		}
	})
}

// While a partner's keeper refuses or does not answer its key cannot be had, and
// nobody else's is concerned. An unwrapped key is forgotten after Keep.
func TestPartnersKeeperFails(t *testing.T) {
	ringURL := places["bucket in memory"](t)
	created(t, ringURL)
	keeper := keepers.of("moody")
	for _, partner := range []string{"acme", "other"} {
		host := map[string]string{"acme": "moody", "other": "steady"}[partner]
		if err := Create(t.Context(), ringURL, OfPartner(partner, "keyskeeper://"+host)); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := open(t, ringURL)
		ask := func(partner string) error {
			_, err := r.PartnerTokenKey(partner, "domain", time.Now())
			return err
		}
		for _, c := range []struct {
			code gcerrors.ErrorCode
			kind fault.Kind
			want string
		}{
			{gcerrors.Internal, fault.Retry, CodeUnreachable},
			{gcerrors.Unknown, fault.Retry, CodeUnreachable},
			{gcerrors.DeadlineExceeded, fault.Retry, CodeUnreachable},
			{gcerrors.PermissionDenied, fault.Denied, CodeRevoked},
			{gcerrors.NotFound, fault.Denied, CodeRevoked},
			{gcerrors.FailedPrecondition, fault.Denied, CodeRevoked},
		} {
			keeper.says(c.code)
			err := ask("acme")
			if fault.CodeOf(err) != c.want || fault.KindOf(err) != c.kind {
				t.Errorf("%v: %v", c.code, err)
			} else if strings.Contains(err.Error(), "secret-secret") {
				t.Errorf("the error tells what the keeper said: %v", err)
			}
			for _, partner := range []string{"other", ""} {
				if err := ask(partner); err != nil {
					t.Errorf("%v: partner %q: %v", c.code, partner, err)
				}
			}
			asked := keeper.asked
			if _ = ask("acme"); keeper.asked != asked {
				t.Error("a keeper that failed is asked again at once")
			}
			time.Sleep(respite)
		}
		keeper.says(gcerrors.OK)
		if err := ask("acme"); err != nil {
			t.Errorf("once it answers again: %v", err)
		}
		keeper.says(gcerrors.PermissionDenied)
		time.Sleep(Keep - time.Second)
		if err := ask("acme"); err != nil {
			t.Errorf("while the key is kept: %v", err)
		}
		time.Sleep(2 * time.Second)
		if err := ask("acme"); fault.CodeOf(err) != CodeRevoked {
			t.Errorf("after that: %v", err)
		}
		keeper.says(gcerrors.OK)
	})
}

// What is forgotten is overwritten: after Keep, and by Close.
func TestForgotten(t *testing.T) {
	for name, place := range places {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			ringURL := place(t)
			created(t, ringURL)
			synctest.Test(t, func(t *testing.T) {
				r, err := Open(t.Context(), ringURL)
				if err != nil {
					t.Fatal(err)
				}
				before := token(t, r, "acme", time.Now())
				var kept []byte
				secretOf(t, r, func(secret []byte) { kept = secret })
				if zero(kept) {
					t.Fatal("there was no key")
				}
				time.Sleep(Keep + time.Second)
				synctest.Wait()
				r.mu.Lock()
				n := len(r.keys)
				r.mu.Unlock()
				if !zero(kept) || n != 0 {
					t.Errorf("the key is still in memory; %d are held", n)
				}
				if token(t, r, "acme", time.Now()) != before {
					t.Error("unwrapped again it is another key")
				}
				secretOf(t, r, func(secret []byte) { kept = secret })
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				if !zero(kept) {
					t.Error("Close left the key in memory")
				}
			})
		})
	}
}

func zero(b []byte) bool { return strings.Trim(string(b), "\x00") == "" }
