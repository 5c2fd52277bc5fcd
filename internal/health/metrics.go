package health

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What is exposed of a repository. docs/monitoring.md explains each.
var (
	descPackages     = repoDesc("packages", "Packages that the published metadata lists.")
	descPackageBytes = repoDesc("package_bytes", "Size of the packages that the last sync wanted and that are there.")
	descMetadata     = repoDesc("metadata_bytes", "Size of the published metadata files.")
	descSync         = repoDesc("last_sync_timestamp_seconds", "When the last sync ended, however it went.")
	descComplete     = repoDesc("last_complete_sync_timestamp_seconds", "When a sync last did all that was asked of it; 0: never.")
	descSuccess      = repoDesc("last_sync_success", "1 if the last sync did all that was asked of it, 0 if not.")
	descFailures     = repoDesc("last_sync_failures", "Files that the last sync could not bring, or did not trust.")
	descPublish      = repoDesc("last_publish_timestamp_seconds", "When the published metadata was published.")
	descUnpublished  = repoDesc("unpublished_since_timestamp_seconds", "Since when a sync has brought what is not published; absent where all is.")
	descUpstream     = repoDesc("upstream_timestamp_seconds", "When upstream made the metadata that the last complete sync found.")
	descMaxAge       = repoDesc("max_age_seconds", "How old the last complete sync may be; absent where age does not count.")
	descHealth       = repoDesc("health", "1 for the level that the repository is at, 0 for the others.", "level")
)

func repoDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("gorepo_repository_"+name, help, append([]string{"repository"}, labels...), nil)
}

// Collector exposes what check gives, each time.
func Collector(check func() []Repo) prometheus.Collector { return collector(check) }

type collector func() []Repo

// Describe says nothing: what there is depends on the repositories.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, r := range c() {
		r.Collect(ch)
	}
}

// Collect sends the repository's metrics.
func (r Repo) Collect(ch chan<- prometheus.Metric) {
	set := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{r.ID}, labels...)...)
	}
	at := func(d *prometheus.Desc, t time.Time) {
		if !t.IsZero() {
			set(d, float64(t.Unix()))
		}
	}
	if r.Published {
		set(descMetadata, float64(r.Metadata))
	}
	if r.Packages >= 0 {
		set(descPackages, float64(r.Packages))
	}
	if n := r.Bytes(); n >= 0 {
		set(descPackageBytes, float64(n))
	}
	at(descSync, r.Sync.Time)
	if synced := !r.Sync.Time.IsZero(); synced || r.Level == Empty || r.Level == Late {
		// Of a mirror that never was complete it is 0, so that a rule about age
		// speaks of that too.
		set(descComplete, float64(max(r.Sync.Complete.Unix(), 0)))
		set(descSuccess, truth(synced && !r.Failed()))
		set(descFailures, float64(r.Sync.Failures))
	}
	if r.Publish.Time.IsZero() {
		at(descPublish, r.Generation)
	} else {
		at(descPublish, r.Publish.Time)
	}
	at(descUnpublished, r.Unpublished())
	at(descUpstream, r.Upstream)
	if r.MaxAge > 0 {
		set(descMaxAge, r.MaxAge.Seconds())
	}
	for _, level := range Levels {
		set(descHealth, truth(r.Level == level), level.String())
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
