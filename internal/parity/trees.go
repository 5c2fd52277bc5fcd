package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"gorepo/internal/testrepo/genrpm"
)

// trees are the directories of packages that both tools read, below one
// directory. They are read only: a case that changes one takes a copy.
type trees struct {
	dir      string
	testdata string // gorepo's own, where it lies in the source tree
}

// at is where a tree is.
func (t trees) at(name string) string { return filepath.Join(t.dir, name) }

// testdataOf finds testdata from within the source tree.
func testdataOf(ctx context.Context) (string, error) {
	mod, err := goTool(ctx, "env", "GOMOD")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(mod), "testdata")
	if _, err = os.Stat(filepath.Join(dir, "rpms")); err != nil {
		return "", fmt.Errorf("it has to be run within gorepo's source tree: %w", err)
	}
	return dir, nil
}

// goTool runs go, which needs its caches.
func goTool(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", args...).Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// makeAll makes them. kept is a directory for those that take long, which are
// made only if they are wanted, and are taken from there the next time.
func (t trees) makeAll(ctx context.Context, kept string, generated int, wanted func(tree string) bool) error {
	makers := []func() error{
		t.makeTestdata,
		t.makePlaces,
		t.makeBroken,
		t.makeLists,
		t.makeDictionaries,
		func() error { return t.makeCentOS(ctx) },
		func() error { return t.makeRaw("raw", rawPackages()) },
		func() error { return t.makeRaw("control", controlPackages()) },
		func() error { return os.Mkdir(t.at("empty"), 0o755) },
	}
	if wanted("features") {
		makers = append(makers, func() error { return t.makeFeatures(ctx, kept) })
	}
	if wanted("generated") {
		makers = append(makers, func() error { return t.makeGenerated(kept, generated) })
	}
	for _, maker := range makers {
		if err := maker(); err != nil {
			return err
		}
	}
	return nil
}

// put copies a package of testdata to a place in a tree. Its time is its own:
// another for each place.
func (t trees) put(tree, rpm, place string) error {
	path := filepath.Join(t.at(tree), place)
	if err := copyFile(filepath.Join(t.testdata, "rpms", rpm), path); err != nil {
		return err
	}
	return setTime(path, len(place))
}

// setTime gives a file a time that does not change from run to run.
func setTime(path string, n int) error {
	at := firstDay.Add(time.Duration(n) * time.Hour)
	return os.Chtimes(path, at, at)
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// copyAll copies packages into a tree.
func (t trees) copyAll(tree string, list []string) error {
	for i, from := range list {
		to := filepath.Join(t.at(tree), filepath.Base(from))
		if err := errors.Join(copyFile(from, to), setTime(to, i)); err != nil {
			return err
		}
	}
	return nil
}

func (t trees) makeTestdata() error {
	list, err := rpmsIn(filepath.Join(t.testdata, "rpms"))
	if err != nil {
		return err
	}
	return t.copyAll("testdata", list)
}

// makeCentOS takes the packages of CentOS 2 to 7 that cavaliergopher/rpm is
// tested with: rpm 4.0 to 4.11 made them.
func (t trees) makeCentOS(ctx context.Context) error {
	module, err := goTool(ctx, "list", "-m", "-f", "{{.Dir}}", "github.com/cavaliergopher/rpm")
	if err != nil {
		return err
	}
	list, err := rpmsIn(filepath.Join(module, "testdata"))
	if err != nil {
		return err
	}
	return t.copyAll("centos", list)
}

func (t trees) makeFeatures(ctx context.Context, kept string) error {
	built, err := buildSpecs(ctx, kept, specs())
	if err != nil {
		return err
	}
	list, err := rpmsIn(built)
	if err != nil {
		return err
	}
	return t.copyAll("features", list)
}

func (t trees) makeRaw(tree string, packages map[string][]byte) error {
	if err := os.Mkdir(t.at(tree), 0o755); err != nil {
		return err
	}
	for name, data := range packages {
		path := filepath.Join(t.at(tree), name+"-1-1.noarch.rpm")
		if err := errors.Join(os.WriteFile(path, data, 0o644), setTime(path, len(name))); err != nil {
			return err
		}
	}
	return nil
}

// makeGenerated takes a tree of so many generated packages where it is.
func (t trees) makeGenerated(kept string, packages int) error {
	dir := filepath.Join(kept, fmt.Sprint("generated-", packages))
	if _, err := os.Stat(filepath.Join(dir, ".genrpm.json")); err != nil {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := genrpm.Generate(dir, genrpm.Options{Packages: packages, Sources: true}); err != nil {
			return err
		}
	}
	return os.Symlink(dir, t.at("generated"))
}

// makePlaces makes trees that are about where packages lie: "places" with names
// of all kinds, duplicates and links, "hidden" with places where gorepo does not
// look, "unnamable" with file names that metadata cannot hold.
func (t trees) makePlaces() error {
	const weak, rich, chrono, hello = "weak-1.0-1.noarch.rpm", "rich-1.0-1.noarch.rpm", "chrono-0.9-3.noarch.rpm", "hello-2.10-1.noarch.rpm"
	for _, p := range [][3]string{
		{"places", weak, weak},
		{"places", weak, "sub/" + weak},
		{"places", weak, "sub/deeper/" + weak},
		{"places", weak, "other name.rpm"},
		{"places", weak, "Zz/" + weak},
		{"places", weak, "sub-2/" + weak},
		{"places", weak, "sub.2/" + weak},
		{"places", rich, "sub/" + chrono},
		{"places", chrono, "sub/deeper/" + chrono},
		{"places", chrono, chrono},
		{"places", rich, "a+b~c^d e%2B.rpm"},
		{"places", rich, "ünï/日本語/rich.rpm"},
		{"places", rich, "<&>'\".rpm"},
		{"places", rich, "q?x=1#y&z.rpm"},
		{"places", rich, "a:b\\c;d.rpm"},
		{"places", rich, " leading and trailing /x .rpm"},
		{"places", hello, ".rpm"},
		{"places", hello, ".hidden.rpm"},
		{"places", hello, "-dash.rpm"},
		{"places", hello, "repodata.rpm"},
		{"places", hello, "sub/repodata/hello.rpm"},
		{"places", hello, "hello.rpm.part"},
		{"places", hello, "hello.RPM"},
		{"places", hello, "hello.drpm"},
		{"places", hello, "rpm"},
		{"places", "hello-2.12-1.src.rpm", "SRPMS/hello-2.12-1.src.rpm"},
		{"places", "libtide-1.4.0-1.el9.src.rpm", "libtide.nosrc.rpm"},
		{"hidden", weak, weak},
		{"hidden", rich, ".hidden/" + rich},
		{"hidden", chrono, "sub/.hidden/" + chrono},
		{"hidden", hello, "directory.rpm/" + hello},
		{"hidden", hello, "loop/" + hello},
		{"hidden", hello, "repodata/" + hello},
		{"unnamable", weak, weak},
		{"unnamable", rich, "unnamable/latin-1-\xe9.rpm"},
		{"unnamable", hello, "unnamable/line\nbreak.rpm"},
		{"options", weak, weak},
		{"options", rich, "sub/" + rich},
		{"options", "scripted-1.0-1.noarch.rpm", "sub/deep/scripted-1.0-1.noarch.rpm"},
		{"options", chrono, "other/" + chrono},
		{"options", "unicode-1.0-13.noarch.rpm", "other/unicode.rpm"},
		{"options", hello, "h/" + hello},
		{"options", "hello-2.12-1.noarch.rpm", "h/hello-2.12-1.noarch.rpm"},
		{"options", "hello-2.12-1.src.rpm", "h/hello-2.12-1.src.rpm"},
		{"options", "filetypes-1.0-1.noarch.rpm", "filetypes-1.0-1.noarch.rpm"},
		{"options", "latin1-1.0-1.noarch.rpm", "sub/latin1-1.0-1.noarch.rpm"},
		{"options", "preview-1.0~rc1-1.noarch.rpm", "preview-1.0~rc1-1.noarch.rpm"},
		{"options", "libtide-1.4.0-1.el9.i686.rpm", "sub/deep/libtide.rpm"},
	} {
		if err := t.put(p[0], p[1], p[2]); err != nil {
			return err
		}
	}
	old, future := filepath.Join(t.at("places"), chrono), filepath.Join(t.at("places"), "a+b~c^d e%2B.rpm")
	return errors.Join(
		os.Chtimes(old, time.Unix(0, 0), time.Unix(0, 999)),
		os.Chtimes(future, time.Unix(4e9, 0), time.Unix(4e9, 999_999_999)),
		os.Symlink("sub/deeper/"+weak, filepath.Join(t.at("places"), "link.rpm")),
		os.Symlink("../sub/deeper", filepath.Join(t.at("places"), "Zz", "to-directory")),
		os.Symlink("../loop", filepath.Join(t.at("hidden"), "loop", "again")),
		// Without links.
		copyTree(t.at("options"), t.at("updates"), inOrder),
		copyTree(t.at("options"), t.at("disc-1"), inOrder),
		copyTree(filepath.Join(t.at("options"), "h"), filepath.Join(t.at("disc-2"), "h"), inOrder),
		os.Symlink("../"+weak, filepath.Join(t.at("options"), "sub", "link-1.0-1.noarch.rpm")),
		os.Symlink("../sub/deep", filepath.Join(t.at("options"), "other", "to-directory")),
		copyFile(filepath.Join(t.testdata, "comps.xml"), filepath.Join(t.at("options"), "comps.xml")),
	)
}

// makeBroken makes a tree with files that are named like packages.
func (t trees) makeBroken() error {
	if err := t.put("broken", "weak-1.0-1.noarch.rpm", "weak.rpm"); err != nil {
		return err
	}
	whole, err := os.ReadFile(filepath.Join(t.at("broken"), "weak.rpm"))
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		"empty.rpm": nil, "text.rpm": []byte("not an rpm\n"), "lead.rpm": whole[:96], "signature.rpm": whole[:600], "header.rpm": whole[:len(whole)-1500],
		"shell.rpm": []byte("#!/bin/sh\n" + strings.Repeat("x", 5000)),
	} {
		if err := os.WriteFile(filepath.Join(t.at("broken"), name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// makeLists makes the files that --pkglist names in flagCases.
func (t trees) makeLists() error {
	return errors.Join(
		writeFile(t.at("pkglist"), "weak-1.0-1.noarch.rpm\n\nsub/rich-1.0-1.noarch.rpm\nsub/link-1.0-1.noarch.rpm\nh/hello-2.12-1.src.rpm\n"),
		writeFile(t.at("pkglist-odd"), "weak-1.0-1.noarch.rpm\n./weak-1.0-1.noarch.rpm\nweak-1.0-1.noarch.rpm\nsub/gone.rpm\nh/hello-2.12-1.src.rpm\n"),
	)
}

// makeDictionaries makes what --zck-dict-dir names in formatCases.
func (t trees) makeDictionaries() error {
	if err := os.Mkdir(t.at("dictionaries"), 0o755); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(t.testdata, "golden", "primary.xml"))
	if err != nil {
		return err
	}
	for _, kind := range []string{"primary", "filelists", "other"} {
		if err := writeFile(filepath.Join(t.at("dictionaries"), kind+".xml.zdict"), string(text[:4096])); err != nil {
			return err
		}
	}
	return nil
}

// inOrder leaves the entries of a directory in order.
func inOrder([]fs.DirEntry) {}

// copyTree copies a tree with its times and links. Directories are filled in
// the order that next gives.
func copyTree(from, to string, order func([]fs.DirEntry)) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	order(entries)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, e := range entries {
		a, b := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(a)
			if err == nil {
				err = os.Symlink(target, b)
			}
			if err != nil {
				return err
			}
		case e.IsDir():
			if err := copyTree(a, b, order); err != nil {
				return err
			}
		default:
			info, err := e.Info()
			if err == nil {
				err = copyFile(a, b)
			}
			if err == nil {
				err = os.Chtimes(b, info.ModTime(), info.ModTime())
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
