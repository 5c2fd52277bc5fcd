package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// zchunk compares two records that are zchunk files, as zck_read_header
// describes them: how long each chunk is before it is packed (the first is the
// dictionary), and with which kinds of checksums. What is in them was unpacked by unzck. Sizes and
// checksums of packed chunks are the compressor's own.
func (c *comparison) zchunk(ctx context.Context, theirs, ours *record) error {
	var read [2]zchunkHeader
	for i, r := range []*record{theirs, ours} {
		// -f verifies all checksums.
		text, err := output(ctx, nil, "zck_read_header", "-c", "-f", r.file)
		if err != nil {
			return err
		}
		if read[i], err = parseZchunkHeader(string(text)); err != nil {
			return fmt.Errorf("%s: %w", r.file, err)
		}
		if sum := r.child("header-checksum").text; sum != read[i].values["Header checksum"] {
			r.faults = append(r.faults, "header-checksum is "+sum+", and of its file "+read[i].values["Header checksum"])
		}
		if size := r.child("header-size").text; size != read[i].values["Header size"] {
			r.faults = append(r.faults, "header-size is "+size+", and of its file "+read[i].values["Header size"])
		}
	}
	d := c.differ(ours.kind, "")
	for _, key := range []string{"Overall checksum type", "Chunk checksum type", "Chunk count"} {
		d.value(key, read[0].values[key], read[1].values[key])
	}
	t, o := read[0].sizes, read[1].sizes
	for i := range max(len(t), len(o)) {
		size := func(list []int) string {
			if i < len(list) {
				return strconv.Itoa(list[i])
			}
			return absent
		}
		d.value(fmt.Sprintf("chunk %d: size, unpacked", i), size(t), size(o))
	}
	c.fields += d.fields
	return nil
}

type zchunkHeader struct {
	values map[string]string
	sizes  []int // of chunks, unpacked
}

var zchunkLine = regexp.MustCompile(`^ *\d+ [0-9a-f]+ +\d+ +\d+ +(\d+)( +\+)?$`)

func parseZchunkHeader(text string) (zchunkHeader, error) {
	h := zchunkHeader{values: map[string]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := zchunkLine.FindStringSubmatch(line); m != nil {
			size, err := strconv.Atoi(m[1])
			if err != nil {
				return h, err
			}
			h.sizes = append(h.sizes, size)
		} else if key, value, found := strings.Cut(line, ": "); found {
			h.values[key] = value
		}
	}
	if count := h.values["Chunk count"]; count != strconv.Itoa(len(h.sizes)) {
		return h, fmt.Errorf("zck_read_header says %q, and lists %d chunks", count, len(h.sizes))
	}
	return h, nil
}
