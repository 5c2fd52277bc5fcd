package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// sample is what one run of a program took.
type sample struct {
	wall, cpu time.Duration
	rss       int64 // bytes, at its peak
	size      int64 // bytes of what it made, 0 where that is not looked at
}

// A contender is a program at work.
type contender struct {
	name    string // what the table calls it
	missing string // why it cannot be measured, "" if it can
	args    []string
	// before makes all as it should be when the program starts, after looks at
	// what it made. Neither is measured.
	before func() error
	after  func() (size int64, err error)
}

// run runs the program once.
func (c *contender) run(ctx context.Context) (s sample, err error) {
	if c.before != nil {
		if err := c.before(); err != nil {
			return s, err
		}
	}
	settle()
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	start := time.Now()
	err = cmd.Run()
	s.wall = time.Since(start)
	if err != nil {
		return s, fmt.Errorf("%s: %w: %s", strings.Join(append([]string{filepath.Base(c.args[0])}, c.args[1:]...), " "), err, last(said.Bytes()))
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	s.rss = peakMemory(cmd.ProcessState)
	if c.after != nil {
		s.size, err = c.after()
	}
	return s, err
}

// last is the end of what a program said.
func last(said []byte) []byte {
	said = bytes.TrimSpace(said)
	return said[max(0, len(said)-500):]
}

// pair runs two contenders in turn, each round in the other order, after one
// run of each that does not count.
func (b *bench) pair(ctx context.Context, t *table, row string, ours, theirs contender) error {
	if !b.wanted(row) {
		return nil
	}
	sides := []*contender{&ours, &theirs}
	samples := make([][]sample, len(sides))
	for round := range b.rounds + 1 {
		for turn := range sides {
			i := (turn + round) % len(sides)
			if sides[i].missing != "" {
				continue
			}
			s, err := sides[i].run(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", row, err)
			}
			if round > 0 {
				samples[i] = append(samples[i], s)
			}
		}
	}
	t.add(row, sides, samples)
	return nil
}

// spread is the minimum, median and maximum of some numbers.
type spread struct{ min, median, max float64 }

func spreadOf(values []float64) spread {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return spread{v[0], (v[(n-1)/2] + v[n/2]) / 2, v[n-1]}
}

// quantile is the number that the part q of the values does not exceed.
func quantile(values []float64, q float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return v[min(int(q*float64(len(v))), len(v)-1)]
}

// of collects one number of each sample.
func of(samples []sample, number func(sample) float64) []float64 {
	var list []float64
	for _, s := range samples {
		list = append(list, number(s))
	}
	return list
}

// ratios divides pair by pair.
func ratios(ours, theirs []float64) []float64 {
	var list []float64
	for i := range ours {
		if theirs[i] > 0 {
			list = append(list, ours[i]/theirs[i])
		}
	}
	return list
}
