package httpserve

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/singleflight"
)

const (
	maxUsersFile = 4 << 20 // bytes
	// maxCost takes some seconds a login.
	maxCost = 16
)

// Users are the names and bcrypt hashes of an htpasswd file.
type Users struct {
	hashes map[string]string
	// nobody's is what a password of an unknown user is compared with, so that
	// it takes as long as that of a known one.
	nobodys string
}

// ReadUsers reads an htpasswd file. Its hashes must be bcrypt's, as htpasswd -B
// makes them: an error names the line and the user of another one, and never
// the hash.
func ReadUsers(name string) (*Users, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	u := &Users{hashes: map[string]string{}}
	most, line := bcrypt.MinCost, 0
	in := bufio.NewScanner(io.LimitReader(f, maxUsersFile+1))
	for size := 0; in.Scan(); {
		line++
		if size += len(in.Bytes()) + 1; size > maxUsersFile {
			return nil, fmt.Errorf("%s: it is larger than %d bytes", name, maxUsersFile)
		}
		text := strings.TrimSpace(in.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		cost, err := u.add(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		most = max(most, cost)
	}
	if pathErr := (*fs.PathError)(nil); errors.As(in.Err(), &pathErr) {
		return nil, pathErr // which names the file
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", name, line+1, err)
	}
	u.nobodys = fmt.Sprintf("$2b$%02d$%s", most, randomHash())
	return u, nil
}

// add takes one line of the file and returns what a login of that user costs.
func (u *Users) add(text string) (cost int, err error) {
	name, hash, ok := strings.Cut(text, ":")
	if !ok || name == "" {
		return 0, errors.New("it should be a user, a colon and a hash")
	}
	hash, _, _ = strings.Cut(hash, ":")
	if _, twice := u.hashes[name]; twice {
		return 0, fmt.Errorf("user %q is there twice", name)
	}
	if cost, err = bcryptCost(hash); err != nil {
		return 0, fmt.Errorf("user %q: %w", name, err)
	}
	u.hashes[name] = hash
	return cost, nil
}

// bcryptCost checks a hash, and names what is one of another kind.
func bcryptCost(hash string) (int, error) {
	kind, _, _ := strings.Cut(strings.TrimPrefix(hash, "$"), "$")
	switch {
	case len(hash) == 60 && (kind == "2a" || kind == "2b" || kind == "2y"):
	case strings.HasPrefix(hash, "$2"):
		return 0, errors.New("the bcrypt hash is damaged, or of a kind that is not safe")
	default:
		return 0, fmt.Errorf("%s is not taken: set the password anew with htpasswd -B", hashKind(hash, kind))
	}
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil {
		return 0, errors.New("the bcrypt hash is damaged")
	}
	for _, c := range hash[7:] {
		if !strings.ContainsRune(bcryptAlphabet, c) {
			return 0, errors.New("the bcrypt hash is damaged")
		}
	}
	if cost > maxCost {
		return 0, fmt.Errorf("a bcrypt cost of %d takes too long for each login: at most %d (htpasswd -B -C 10)", cost, maxCost)
	}
	return cost, nil
}

func hashKind(hash, kind string) string {
	switch {
	case strings.HasPrefix(hash, "{SHA}"):
		return "an SHA-1 hash"
	case strings.HasPrefix(hash, "{"):
		return "a hash of LDAP's kind"
	case kind == "apr1" || kind == "1":
		return "an MD5 hash"
	case kind == "5" || kind == "6":
		return "a SHA-2 crypt hash"
	case strings.HasPrefix(hash, "$"):
		return "a hash of another kind than bcrypt"
	case hash == "":
		return "an empty hash"
	}
	return "a crypt hash or plain password"
}

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// randomHash is a salt and a hash that no password has.
func randomHash() string {
	b := make([]byte, 53)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = bcryptAlphabet[b[i]%64]
	}
	b[21] = '.' // bits beyond the salt's 16 bytes
	return string(b)
}

// Has reports whether there is such a user.
func (u *Users) Has(name string) bool { return u.hashes[name] != "" }

const (
	// goodFor and badFor are how long the outcome of a login is remembered, and
	// maxRemembered how many of each kind.
	goodFor       = time.Hour
	badFor        = time.Minute
	maxRemembered = 4096
	// maxWaiting is how many logins may wait for their turn, and maxFromOne how
	// many from one address.
	maxWaiting = 64
	maxFromOne = 16
)

// logins remembers which passwords were right: bcrypt takes long on purpose,
// and a client sends its password hundreds of times in one run. Passwords
// themselves are not kept, only a keyed hash.
type logins struct {
	key   [32]byte
	turns chan struct{} // for those who have bcrypt work
	group singleflight.Group

	mu        sync.Mutex
	good, bad map[[32]byte]time.Time // until when
	waiting   int
	from      map[netip.Addr]int
}

func newLogins() *logins {
	l := &logins{
		turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		good:  map[[32]byte]time.Time{}, bad: map[[32]byte]time.Time{}, from: map[netip.Addr]int{},
	}
	_, _ = rand.Read(l.key[:]) // never fails
	return l
}

// verify compares a password: admitted, wrongLogin or loginBusy.
func (l *logins) verify(u *Users, addr netip.Addr, name, password string) refusal {
	hash, known := u.hashes[name]
	if !known {
		hash = u.nobodys
	}
	// With the hash in it, what is remembered ends when a password is changed.
	mac := hmac.New(sha256.New, l.key[:])
	for _, s := range []string{hash, name, password} {
		_, _ = mac.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	key := [32]byte(mac.Sum(nil))
	if outcome, ok := l.remembered(key); ok {
		return outcome
	}
	outcome, _, _ := l.group.Do(string(key[:]), func() (any, error) {
		if !l.enter(addr) {
			return loginBusy, nil
		}
		defer l.leave(addr)
		right := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil && known
		return l.remember(key, right), nil
	})
	return outcome.(refusal)
}

func (l *logins) remembered(key [32]byte) (outcome refusal, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if until, ok := l.good[key]; ok && now.Before(until) {
		return admitted, true
	}
	if until, ok := l.bad[key]; ok && now.Before(until) {
		return wrongLogin, true
	}
	return wrongLogin, false
}

func (l *logins) remember(key [32]byte, right bool) refusal {
	l.mu.Lock()
	defer l.mu.Unlock()
	list, until, outcome := l.bad, time.Now().Add(badFor), wrongLogin
	if right {
		list, until, outcome = l.good, time.Now().Add(goodFor), admitted
	}
	for k := range list { // in no order: any of them
		if len(list) < maxRemembered {
			break
		}
		delete(list, k)
	}
	list[key] = until
	return outcome
}

// enter waits for a turn, unless too many do already.
func (l *logins) enter(addr netip.Addr) bool {
	addr = site64(addr)
	l.mu.Lock()
	if l.waiting >= maxWaiting || l.from[addr] >= maxFromOne {
		l.mu.Unlock()
		return false
	}
	l.waiting++
	l.from[addr]++
	l.mu.Unlock()
	l.turns <- struct{}{}
	return true
}

func (l *logins) leave(addr netip.Addr) {
	<-l.turns
	addr = site64(addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting--
	if l.from[addr]--; l.from[addr] == 0 {
		delete(l.from, addr)
	}
}

// site64 takes the addresses of one IPv6 network for one: a host has them all.
func site64(addr netip.Addr) netip.Addr {
	if !addr.Is6() {
		return addr
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return addr
	}
	return p.Addr()
}
