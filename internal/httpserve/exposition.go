package httpserve

import (
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gorepo/internal/health"
)

// maxScrapes is how many may be answered at a time.
const maxScrapes = 4

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("gorepo_"+name, help, labels, nil)
}

// What is exposed beside what health has. docs/monitoring.md explains each; a test compares.
var (
	descBuild     = desc("build_info", "1; the labels say what is running.", "version", "goversion")
	descRequests  = desc("http_requests_total", "Requests that were answered, by repository (-: none's) and status.", "repository", "code")
	descBytes     = desc("http_response_bytes_total", "Bytes of bodies that were sent, by repository (-: none's).", "repository")
	descFirstByte = desc("http_time_to_first_byte_seconds", "From a request's header being read to the answer's being written.", "kind")
	descInFlight  = desc("http_requests_in_flight", "Requests that are being answered.")
	descCut       = desc("http_responses_cut_total", "Answers that ended before their end, by whose doing.", "reason")
	descOpen      = desc("http_connections_open", "Client connections that are open.")
	descAccepted  = desc("http_connections_accepted_total", "Client connections that were taken.")
	descWaited    = desc("http_connections_waited_total", "Client connections that had to wait for a place, because there were too many.")
	descLimit     = desc("http_connections_limit", "How many client connections there may be at a time.")
	descSize      = desc("filesystem_size_bytes", "Size of the file system that the mirror's directory is on.")
	descAvailable = desc("filesystem_available_bytes", "What of it may still be used by others than root.")
)

// newProcessRegistry is of the process as a whole.
func newProcessRegistry(version string) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectorFunc(func(ch chan<- prometheus.Metric) {
			ch <- prometheus.MustNewConstMetric(descBuild, prometheus.GaugeValue, 1, version, runtime.Version())
		}))
	return reg
}

// startMetrics gets all ready that is counted and shown.
func (s *Server) startMetrics() error {
	s.metrics, s.process, s.scrapes = newMetrics(), newProcessRegistry(s.options.Version), make(chan struct{}, maxScrapes)
	s.health = s.options.Health
	if s.health == nil {
		checker, err := health.New(s.options.Root, nil)
		if err != nil {
			return err
		}
		s.health = func(id string) health.Repo { return checker.Check(id, time.Now()) }
	}
	s.metrics.know(s.watched())
	return nil
}

// A collectorFunc is a Collector of what it sends.
type collectorFunc func(chan<- prometheus.Metric)

// Describe says nothing, which makes it an unchecked collector: what there is
// depends on the repositories.
func (collectorFunc) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (f collectorFunc) Collect(ch chan<- prometheus.Metric) { f(ch) }

// MetricsHandler answers for a listener of its own, which clients do not reach:
// /metrics and /-/metrics with all metrics, those of all repositories among them,
// and the probes.
func (s *Server) MetricsHandler() http.Handler {
	metrics := func(w http.ResponseWriter, r *http.Request) {
		s.exposeMetrics(w, r, all)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", metrics)
	mux.HandleFunc("GET /-/metrics", metrics)
	mux.HandleFunc("GET /-/healthz", func(w http.ResponseWriter, _ *http.Request) { healthz(w) })
	mux.HandleFunc("GET /-/readyz", s.readyz)
	return mux
}

// exposeMetrics shows the metrics, of repositories only what may be seen.
func (s *Server) exposeMetrics(w http.ResponseWriter, r *http.Request, visible func(id string) bool) {
	select {
	case s.scrapes <- struct{}{}:
		defer func() { <-s.scrapes }()
	default:
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusServiceUnavailable, "503 metrics are being read too often")
		return
	}
	ids := s.watched()
	s.metrics.know(ids)
	ids = slices.DeleteFunc(ids, func(id string) bool { return !visible(id) })
	own := prometheus.NewRegistry()
	own.MustRegister(collectorFunc(func(ch chan<- prometheus.Metric) {
		s.metrics.collect(ch, ids)
		for _, id := range ids {
			s.health(id).Collect(ch)
			if s.options.Index != nil {
				s.options.Index(id).collect(ch, id)
			}
		}
		ch <- prometheus.MustNewConstMetric(descWaited, prometheus.CounterValue, float64(s.gate.waited.Load()))
		gauge(ch, descLimit, float64(cap(s.gate.slots)))
		if size, available, ok := space(s.tree.dir); ok {
			gauge(ch, descSize, float64(size))
			gauge(ch, descAvailable, float64(available))
		}
	}))
	w.Header().Set("Cache-Control", "no-store")
	promhttp.HandlerFor(prometheus.Gatherers{s.process, own}, promhttp.HandlerOpts{
		ErrorHandling: promhttp.HTTPErrorOnError,
	}).ServeHTTP(w, r)
}

// watched are the repositories that metrics are of: what clients can use, and
// what is configured and not switched off.
func (s *Server) watched() []string {
	ids := s.publishedOf(all)
	for _, repo := range s.repos() {
		if !repo.Disabled && !slices.Contains(ids, repo.ID) {
			ids = append(ids, repo.ID)
		}
	}
	return ids
}

func (m *metrics) collect(ch chan<- prometheus.Metric, ids []string) {
	m.other.collect(ch, ownPrefix)
	for _, id := range ids {
		if t := m.of(id); t != nil {
			t.collect(ch, id)
		}
	}
	for i := range m.firstByte {
		m.firstByte[i].collect(ch, kinds[i])
	}
	for i := range m.cut {
		ch <- prometheus.MustNewConstMetric(descCut, prometheus.CounterValue, float64(m.cut[i].Load()), cuts[i])
	}
	gauge(ch, descInFlight, float64(m.inFlight()))
	gauge(ch, descOpen, float64(m.conns.open.Load()))
	ch <- prometheus.MustNewConstMetric(descAccepted, prometheus.CounterValue, float64(m.conns.accepted.Load()))
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (t *traffic) collect(ch chan<- prometheus.Metric, id string) {
	for i := range t.codes {
		n := t.codes[i].Load()
		if n == 0 && (i >= len(codes) || codes[i] != http.StatusOK) {
			continue // most never come; that of 200 is there for rate() to begin with
		}
		code := "other"
		if i < len(codes) {
			code = strconv.Itoa(codes[i])
		}
		ch <- prometheus.MustNewConstMetric(descRequests, prometheus.CounterValue, float64(n), id, code)
	}
	ch <- prometheus.MustNewConstMetric(descBytes, prometheus.CounterValue, float64(t.bytes.Load()), id)
}

func (h *histogram) collect(ch chan<- prometheus.Metric, kind string) {
	var count uint64
	buckets := make(map[float64]uint64, len(limits))
	for i := range h.buckets {
		count += h.buckets[i].Load()
		if i < len(limits) {
			buckets[limits[i].Seconds()] = count
		}
	}
	ch <- prometheus.MustNewConstHistogram(descFirstByte, count, time.Duration(h.sum.Load()).Seconds(), buckets, kind)
}
