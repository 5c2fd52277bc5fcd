package httpserve

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

func hashed(t testing.TB, password string, cost int) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	require.NoError(t, err)
	return string(hash)
}

func readUsers(t testing.TB, text string) (*Users, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "htpasswd")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return ReadUsers(name)
}

func TestReadUsers(t *testing.T) {
	good := hashed(t, "secret", bcrypt.MinCost)
	// What `htpasswd -nbB`, Python's bcrypt and PHP write.
	u, err := readUsers(t, "# users\n\nalice:"+good+"\r\nbob:$2y$"+good[4:]+":Bob Builder\n  carol:$2b$"+good[4:])
	require.NoError(t, err)
	for _, name := range []string{"alice", "bob", "carol"} {
		assert.True(t, u.Has(name), name)
		assert.Equal(t, admitted, newLogins().verify(u, netip.Addr{}, name, "secret"), name)
	}
	assert.False(t, u.Has("# users"))
	// Real ones: Apache's htpasswd -nbB, cost 5.
	u, err = readUsers(t, "myName:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n")
	require.NoError(t, err)
	assert.Equal(t, admitted, newLogins().verify(u, netip.Addr{}, "myName", "myPassword"))

	for _, c := range []struct{ line, says string }{
		{"x:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", "an SHA-1 hash"},
		{"x:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", "an MD5 hash"},
		{"x:$1$abc$xyz", "an MD5 hash"},
		{"x:$6$salt$hash", "SHA-2 crypt"},
		{"x:rqXexS6ZhobKA", "crypt hash or plain password"},
		{"x:", "an empty hash"},
		{"x:$2x$05$" + good[7:], "not safe"},
		{"x:" + good[:59], "damaged"},
		{"x:" + good[:30] + "!" + good[31:], "damaged"},
		{"x:$2b$03$" + good[7:], "damaged"},
		{"x:$2b$17$" + good[7:], "cost of 17"},
		{"x:$2b$31$" + good[7:], "cost of 31"},
		{"ok:" + good, `user "ok" is there twice`},
		{"x", "a user, a colon and a hash"},
		{":" + good, "a user, a colon and a hash"},
	} {
		_, err := readUsers(t, "ok:"+good+"\n"+c.line+"\n")
		require.Error(t, err, c.line)
		assert.Regexp(t, `htpasswd:2: `, err.Error())
		assert.Contains(t, err.Error(), c.says)
		assert.NotContains(t, err.Error(), "\n")
		if _, hash, _ := strings.Cut(c.line, ":"); len(hash) > 1 {
			assert.NotContains(t, err.Error(), hash, "a hash is no message")
		}
	}
	_, err = readUsers(t, strings.Repeat("#"+strings.Repeat("x", 1000)+"\n", maxUsersFile/1000))
	require.ErrorContains(t, err, "larger than")
	_, err = readUsers(t, strings.Repeat("x", 100_000))
	require.ErrorContains(t, err, "htpasswd:1:")
}

// A password is worked out once, however often it comes, and however many send
// it at the same time.
func TestLoginsAreRemembered(t *testing.T) {
	u, err := readUsers(t, "alice:"+hashed(t, "secret", 6)+"\n")
	require.NoError(t, err)
	l := newLogins()
	start := time.Now()
	require.Equal(t, admitted, l.verify(u, netip.Addr{}, "alice", "secret"))
	once := time.Since(start)
	start = time.Now()
	for range 1000 {
		require.Equal(t, admitted, l.verify(u, netip.Addr{}, "alice", "secret"))
	}
	assert.Less(t, time.Since(start), 100*once)
	assert.Len(t, l.good, 1)

	l = newLogins()
	var all sync.WaitGroup
	for range 200 { // more than may wait, all of one address
		all.Go(func() { assert.Equal(t, admitted, l.verify(u, netip.Addr{}, "alice", "secret")) })
	}
	all.Wait()

	// A wrong one is worked out once too, and neither stands for the other.
	assert.Equal(t, wrongLogin, l.verify(u, netip.Addr{}, "alice", "Secret"))
	assert.Equal(t, wrongLogin, l.verify(u, netip.Addr{}, "alice", "Secret"))
	assert.Len(t, l.bad, 1)
	assert.Equal(t, wrongLogin, l.verify(u, netip.Addr{}, "alices", "ecret"))
	assert.Equal(t, wrongLogin, l.verify(u, netip.Addr{}, "bob", "secret"))
	assert.Equal(t, wrongLogin, l.verify(u, netip.Addr{}, "bob", ""))

	// What was right ends with a change of the password, and with its time.
	changed, err := readUsers(t, "alice:"+hashed(t, "other", bcrypt.MinCost)+"\n")
	require.NoError(t, err)
	assert.Equal(t, wrongLogin, l.verify(changed, netip.Addr{}, "alice", "secret"))
	assert.Equal(t, admitted, l.verify(changed, netip.Addr{}, "alice", "other"))
	for key := range l.good {
		l.good[key] = time.Now().Add(-time.Second)
	}
	_, ok := l.remembered([32]byte{})
	assert.False(t, ok)
	assert.Equal(t, admitted, l.verify(u, netip.Addr{}, "alice", "secret"))
}

// What is remembered is bounded, and wrong passwords do not push out right ones.
func TestLoginsAreBounded(t *testing.T) {
	u, err := readUsers(t, "alice:"+hashed(t, "secret", bcrypt.MinCost)+"\n")
	require.NoError(t, err)
	l := newLogins()
	require.Equal(t, admitted, l.verify(u, netip.Addr{}, "alice", "secret"))
	for i := range 3 * maxRemembered {
		l.remember([32]byte{1, byte(i), byte(i >> 8)}, false)
	}
	assert.Len(t, l.bad, maxRemembered)
	assert.Len(t, l.good, 1)
}

// Who tries passwords gets a few turns, and leaves some to others.
func TestLoginsInTurn(t *testing.T) {
	u, err := readUsers(t, "alice:"+hashed(t, "secret", 6)+"\n")
	require.NoError(t, err)
	l := newLogins()
	attacker, friend := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")
	var all sync.WaitGroup
	var mu sync.Mutex
	outcomes := map[refusal]int{}
	for i := range maxFromOne + 6 {
		addr := attacker
		for range i { // a host has all the addresses of a network
			addr = addr.Next()
		}
		all.Go(func() {
			no := l.verify(u, addr, "alice", fmt.Sprint(i))
			mu.Lock()
			defer mu.Unlock()
			outcomes[no]++
		})
	}
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.waiting == maxFromOne
	}, 5*time.Second, time.Millisecond)
	assert.Equal(t, admitted, l.verify(u, friend, "alice", "secret"))
	all.Wait()
	assert.GreaterOrEqual(t, outcomes[loginBusy], 1)
	assert.GreaterOrEqual(t, outcomes[wrongLogin], maxFromOne)
	assert.Zero(t, outcomes[admitted])
	assert.Empty(t, l.from)
	assert.Zero(t, l.waiting)
}

// An unknown user takes as long as a known one: the same work is done.
func TestUnknownUsersCostTheSame(t *testing.T) {
	u, err := readUsers(t, "alice:"+hashed(t, "secret", 6)+"\n")
	require.NoError(t, err)
	cost, err := bcrypt.Cost([]byte(u.nobodys))
	require.NoError(t, err)
	assert.Equal(t, 6, cost)
	least := func(name string) time.Duration {
		best := time.Hour
		for i := range 10 {
			start := time.Now()
			require.Equal(t, wrongLogin, newLogins().verify(u, netip.Addr{}, name, fmt.Sprint("wrong", i)))
			best = min(best, time.Since(start))
		}
		return best
	}
	known, unknown := least("alice"), least("mallory")
	assert.Less(t, known, 3*unknown)
	assert.Less(t, unknown, 3*known)
}
