package httpserve

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// IndexState is what there is to monitor of the index that pages look a repository
// up in.
type IndexState struct {
	// Published is false of a repository without metadata, of which nothing is shown.
	Published bool
	// Current says that the index is of what is published.
	Current bool
	// Generation is the time of the repomd.xml that the index is of; zero where
	// there is no index. Bytes is its size on disk, Took how long making it took.
	Generation time.Time
	Bytes      int64
	Took       time.Duration
	// Builds counts what this process has begun and ended, Failures those of them
	// that made nothing.
	Builds, Failures uint64
}

// What is exposed of indexes. docs/monitoring.md explains each.
var (
	descIndexCurrent    = indexDesc("current", "1 if pages and search are of what is published, 0 if of an earlier generation, or of nothing.")
	descIndexGeneration = indexDesc("generation_timestamp_seconds", "When the metadata was published that pages and search are of.")
	descIndexBytes      = indexDesc("bytes", "Size of the index on disk.")
	descIndexTook       = indexDesc("build_duration_seconds", "How long making the index took.")
	descIndexBuilds     = indexDesc("builds_total", "Indexes that this server has made, or could not make.")
	descIndexFailures   = indexDesc("build_failures_total", "Indexes that this server could not make.")
)

func indexDesc(name, help string) *prometheus.Desc {
	return desc("repository_index_"+name, help, "repository")
}

func (x IndexState) collect(ch chan<- prometheus.Metric, id string) {
	if !x.Published {
		return
	}
	current := 0.0
	if x.Current {
		current = 1
	}
	gauge(ch, descIndexCurrent, current, id)
	if !x.Generation.IsZero() {
		gauge(ch, descIndexGeneration, float64(x.Generation.Unix()), id)
		gauge(ch, descIndexBytes, float64(x.Bytes), id)
		gauge(ch, descIndexTook, x.Took.Seconds(), id)
	}
	ch <- prometheus.MustNewConstMetric(descIndexBuilds, prometheus.CounterValue, float64(x.Builds), id)
	ch <- prometheus.MustNewConstMetric(descIndexFailures, prometheus.CounterValue, float64(x.Failures), id)
}
