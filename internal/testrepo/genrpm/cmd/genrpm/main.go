// Command genrpm makes a tree of small rpms to test and measure with, or
// turns one into the next night's.
//
//	genrpm -packages 1000 DIR
//	genrpm -change 0.01 -seed 1 DIR
//	genrpm -repodata -packages 70000 -files 150 DIR
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"gorepo/internal/testrepo/genrpm"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var o genrpm.Options
	flags := flag.NewFlagSet("genrpm", flag.ExitOnError)
	flags.IntVar(&o.Packages, "packages", 1000, "binary packages")
	flags.Uint64Var(&o.Seed, "seed", 0, "another seed gives another tree, or another change")
	flags.IntVar(&o.FilesPerPackage, "files", 40, "files of a package, on average")
	flags.IntVar(&o.PayloadBytes, "payload", 4096, "payload bytes of a package, on average")
	flags.IntVar(&o.Changelogs, "changelogs", 10, "changelog entries of a package, on average")
	flags.IntVar(&o.Versions, "versions", 1, "versions of a name")
	flags.BoolVar(&o.Sources, "sources", false, "add source packages, one for four names")
	change := flags.Float64("change", 0, "replace this fraction of an existing tree by new releases")
	repodata := flags.Bool("repodata", false, "write the metadata only, of packages that are not made")
	flags.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: genrpm [flags] DIR")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		os.Exit(64)
	}
	dir, start := flags.Arg(0), time.Now()
	if *change != 0 {
		changed, err := genrpm.Change(dir, *change, o.Seed)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %d packages replaced in %.1f s\n", dir, len(changed), time.Since(start).Seconds())
		return nil
	}
	generate := genrpm.Generate
	if *repodata {
		generate = genrpm.Repodata
	}
	if err := generate(dir, o); err != nil {
		return err
	}
	fmt.Printf("%s: %d packages in %.1f s\n", dir, o.Packages, time.Since(start).Seconds())
	return nil
}
