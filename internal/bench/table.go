package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// table prints the rows of one tree, each when it has been measured.
type table struct {
	title string
	out   io.Writer
	used  bool
}

// columns are what is shown of a sample.
var columns = []struct {
	name   string
	format string
	number func(sample) float64
}{
	{"wall s", "%.3f", func(s sample) float64 { return s.wall.Seconds() }},
	{"cpu s", "%.3f", func(s sample) float64 { return s.cpu.Seconds() }},
	{"peak MiB", "%.1f", func(s sample) float64 { return float64(s.rss) / (1 << 20) }},
	{"made kB", "%.0f", func(s sample) float64 { return float64(s.size) / 1000 }},
}

func (s spread) show(format string) string {
	if s == (spread{}) {
		return "-"
	}
	return fmt.Sprintf(format+" "+format+" "+format, s.min, s.median, s.max)
}

// add prints a line for each contender, and one with the ratios of the first to
// the second: less than 1 is less time, memory or size.
func (t *table) add(row string, sides []*contender, samples [][]sample) {
	if !t.used {
		t.used = true
		t.printf("\n%s (%s; minimum, median and maximum)\n", t.title, time.Now().Format(time.DateOnly))
		t.line("", "", func(i int) string { return columns[i].name })
	}
	for i, c := range sides {
		if c.missing != "" {
			t.printf("%-34s%-14s%s\n", row, c.name, c.missing)
			continue
		}
		t.line(row, c.name, func(j int) string { return spreadOf(of(samples[i], columns[j].number)).show(columns[j].format) })
		row = ""
	}
	if len(samples[0]) == 0 || len(samples[1]) == 0 {
		return
	}
	t.line("", "ratio", func(j int) string {
		r := ratios(of(samples[0], columns[j].number), of(samples[1], columns[j].number))
		if len(r) == 0 {
			return "-"
		}
		return spreadOf(r).show("%.3f")
	})
}

func (t *table) line(row, name string, cell func(i int) string) {
	text := fmt.Sprintf("%-34s%-14s", row, name)
	for i := range columns {
		text += fmt.Sprintf("%-23s", cell(i))
	}
	t.printf("%s\n", strings.TrimRight(text, " "))
}

func (t *table) printf(format string, args ...any) {
	fmt.Fprintf(t.out, format, args...) //nolint:errcheck // to a terminal
}
