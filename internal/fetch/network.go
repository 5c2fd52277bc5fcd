package fetch

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// ErrNetwork is in the error of a download that was given up because no server
// of any source of the Client answers: the network is down. ErrDown is in it too.
var ErrNetwork = errors.New("no server answers")

// networkError is ErrNetwork; it says what became of one file's server.
type networkError struct{ err error }

func (e *networkError) Error() string { return e.err.Error() }
func (e *networkError) Unwrap() error { return e.err }

func (e *networkError) Is(target error) bool { return target == ErrNetwork || target == ErrDown }

const (
	// silentFailures in a row, of all downloads together, without a byte from
	// anybody are suspicious: who would give up waits for the verdict instead.
	silentFailures = 8
	// verdictAfter is how long nobody may answer at most until the network counts
	// as down: for those who have used up their retries, and for all.
	verdictAfter     = 20 * time.Second
	lateVerdictAfter = time.Minute
	// maxProbes servers that have not been asked yet get one short try after the
	// verdict: the others may be behind one line that is cut.
	maxProbes    = 16
	probeTimeout = 3 * time.Second
	// silentPause is the longest pause of those who wait for the verdict.
	silentPause = 2 * time.Second
)

// network is what all downloads of a Client have learned together: whether
// anybody answers.
type network struct {
	last atomic.Int64 // when a server sent something, Unix nanoseconds; 0: never

	mu       sync.Mutex
	failures int              // since then
	since    time.Time        // when the first of them began
	hosts    map[string]error // the last failure of each host
	down     bool
	probes   int

	health map[string]*health // of hosts that were not reached, for all repositories
}

func (n *network) heard() { n.last.Store(time.Now().UnixNano()) }

// settle forgets the failures if somebody has answered after the first of them.
// The caller holds n.mu.
func (n *network) settle() {
	if n.failures > 0 && n.last.Load() > n.since.UnixNano() {
		n.failures, n.hosts, n.down, n.probes = 0, nil, false, 0
	}
}

// failed notes a request that began at a time and has met with nobody.
func (n *network) failed(host string, began time.Time, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle()
	if n.failures == 0 {
		n.since, n.hosts = began, map[string]error{}
		if last := time.Unix(0, n.last.Load()); last.After(began) {
			n.since = last
		}
	}
	n.failures++
	n.hosts[host] = err
}

// of is the health of a host: whether it can be reached, whatever it answers.
func (n *network) of(host string, patience time.Duration) *health {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.health == nil {
		n.health = map[string]*health{}
	}
	h := n.health[host]
	if h == nil {
		h = &health{patience: patience}
		n.health[host] = h
	}
	return h
}

// isDown reports whether the verdict is that the network is down.
func (n *network) isDown() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle()
	return n.down
}

// silent reports whether it looks as if nobody answers.
func (n *network) silent() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle()
	return n.failures >= silentFailures
}

// verdict reports whether nobody has answered for so long.
func (n *network) verdict(patience time.Duration) (down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle()
	if n.failures >= silentFailures && time.Since(n.since) >= patience {
		n.down = true
	}
	return n.down
}

// refused is an error if a host is not to be asked because the network is down:
// its own, or ErrNetwork. probe says that it may be asked once, not for long.
func (n *network) refused(host string) (probe bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle()
	switch {
	case !n.down:
		return false, nil
	case n.hosts[host] != nil:
		return false, n.hosts[host]
	case n.probes >= maxProbes:
		return false, ErrNetwork
	}
	n.probes++
	return true, nil
}

// Silent reports whether no server has answered anything so far, or none any
// more, so that downloads end with ErrNetwork.
func (c *Client) Silent() bool {
	n := &c.network
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle()
	return n.last.Load() == 0 || n.down
}

// Unreachable reports whether no place that was asked has answered at all: its
// name is not known, it cannot be connected to, or it is silent.
func Unreachable(err error) bool {
	var all *allFailed
	if errors.As(err, &all) {
		for _, e := range all.errs {
			if !Unreachable(e) {
				return false
			}
		}
		return len(all.errs) > 0
	}
	var (
		local   *LocalError
		timeout *TimeoutError
		dns     *net.DNSError
		op      *net.OpError
	)
	switch {
	case errors.As(err, &local):
		return false
	case errors.Is(err, ErrNetwork), errors.As(err, &dns):
		return true
	case errors.As(err, &timeout):
		return !timeout.Slow
	}
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

// met notes whether what became of p says that somebody is there.
func (d *download) met(p *place, start time.Time, err error) {
	switch {
	case p.url == nil:
		return
	case !Unreachable(err):
		d.s.client.network.heard()
		d.s.client.network.of(p.url.Host, d.s.patience).ok()
		return
	}
	d.s.client.network.of(p.url.Host, d.s.patience).failed(time.Now())
	var timeout *TimeoutError
	if errors.As(err, &timeout) {
		start = time.Now().Add(-timeout.After)
	}
	d.s.client.network.failed(p.url.Host, start, err)
}

// offline tells what the failure of all places means: that the network is down,
// or nil and whether it is too early to say. over says that the retries are used
// up.
func (d *download) offline(over bool) (early bool, err error) {
	for _, p := range d.places {
		switch {
		case p.err == nil:
		case !Unreachable(p.err):
			return false, nil
		case err == nil || errors.Is(p.err, ErrNetwork):
			err = p.err
		}
	}
	n := &d.s.client.network
	patience := min(verdictAfter, 4*d.s.patience)
	if !over { // who asks for more retries than usual has them
		patience = max(min(lateVerdictAfter, 12*d.s.patience), d.s.patience)
	}
	switch {
	case errors.Is(err, ErrNetwork):
		return false, err
	case err == nil, !n.silent():
		return false, nil
	case n.verdict(patience):
		return false, &networkError{err}
	}
	for _, p := range d.places { // a name that is not known may be known soon
		p.given = p.given && !over
	}
	return true, nil
}
