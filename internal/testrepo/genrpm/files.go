package genrpm

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/google/rpmpack"
)

const (
	modeDir     = 0o040755
	modeFile    = 0o100644
	modeProgram = 0o100755
	modeLink    = 0o120777
)

// fileList collects a package's files up to a number.
type fileList struct {
	files []rpmpack.RPMFile
	most  int
}

func (l *fileList) full() bool { return len(l.files) >= l.most }

func (l *fileList) add(name string, mode uint, kind rpmpack.FileType) {
	if !l.full() {
		l.files = append(l.files, rpmpack.RPMFile{Name: name, Mode: mode, Type: kind, Owner: "root", Group: "root"})
	}
}

func (l *fileList) link(name, target string) {
	l.add(name, modeLink, rpmpack.GenericFile)
	if last := &l.files[len(l.files)-1]; last.Name == name {
		last.Body = []byte(target)
	}
}

// fileList gives the package's files, with contents. What a package of its
// role has at least comes first, then directories are filled until there are
// enough.
func (d description) fileList() []rpmpack.RPMFile {
	l := &fileList{most: d.files}
	switch d.role {
	case roleLibs:
		so := fmt.Sprintf("/usr/lib64/lib%s.so.%d", d.stem, d.soname)
		l.add(so+".0.0", modeProgram, rpmpack.GenericFile)
		l.link(so, fmt.Sprintf("lib%s.so.%d.0.0", d.stem, d.soname))
		l.add("/usr/share/licenses/"+d.name, modeDir, rpmpack.GenericFile)
		l.add("/usr/share/licenses/"+d.name+"/COPYING", modeFile, rpmpack.LicenceFile)
		d.fill(l, "/usr/lib64/"+d.stem, "%s/plugin-%03d.so", modeProgram)
	case roleMain:
		l.add("/usr/bin/"+d.stem, modeProgram, rpmpack.GenericFile)
		l.add("/etc/"+d.stem, modeDir, rpmpack.GenericFile)
		l.add("/etc/"+d.stem+"/"+d.stem+".conf", modeFile, rpmpack.ConfigFile|rpmpack.NoReplaceFile)
		l.add("/usr/share/doc/"+d.name, modeDir, rpmpack.GenericFile)
		l.add("/usr/share/doc/"+d.name+"/README.md", modeFile, rpmpack.DocFile)
		l.add("/usr/share/man/man1/"+d.stem+".1.gz", modeFile, rpmpack.DocFile)
		l.add("/var/log/"+d.stem+".log", modeFile, rpmpack.GhostFile)
		for _, lang := range locales {
			l.add("/usr/share/locale/"+lang+"/LC_MESSAGES/"+d.stem+".mo", modeFile, rpmpack.GenericFile)
		}
		d.fill(l, "/usr/share/"+d.stem, "%s/data_%03d.dat", modeFile)
	case roleDevel:
		l.link("/usr/lib64/lib"+d.stem+".so", fmt.Sprintf("lib%s.so.%d", d.stem, d.soname))
		l.add("/usr/lib64/pkgconfig/"+d.stem+".pc", modeFile, rpmpack.GenericFile)
		d.fill(l, "/usr/include/"+d.stem, "%s/%03d.h", modeFile)
	case roleDoc:
		d.fill(l, "/usr/share/doc/"+d.name, "%s/chapter-%03d.html", modeFile)
	case roleSource:
		l.add(d.stem+".spec", modeFile, rpmpack.SpecFile)
		l.add(fmt.Sprintf("%s-%s.tar.xz", d.stem, d.version), modeFile, rpmpack.GenericFile)
	}
	d.fillContents(l.files)
	return l.files
}

// fill adds files below dir, in subdirectories of 24, until the list is full.
func (d description) fill(l *fileList, dir, format string, mode uint) {
	l.add(dir, modeDir, rpmpack.GenericFile)
	for i := 0; !l.full(); i++ {
		sub := fmt.Sprintf("%s/%s%d", dir, words[3+i/24%20], i/24)
		if i%24 == 0 {
			l.add(sub, modeDir, rpmpack.GenericFile)
		}
		l.add(fmt.Sprintf(format, sub, i), mode, rpmpack.GenericFile)
	}
}

// fillContents spreads the payload over the first regular files, and gives
// the others a few bytes of their own, so that digests differ.
func (d description) fillContents(files []rpmpack.RPMFile) {
	const carriers = 4
	src := rand.NewPCG(d.plan.Seed, streamPayload|uint64(d.bump)<<32|uint64(d.index))
	left := d.payload
	carried := 0
	for i := range files {
		f := &files[i]
		f.MTime = uint32(d.buildTime.Unix())
		if f.Mode&0o170000 != 0o100000 || f.Type == rpmpack.GhostFile {
			continue
		}
		n := 8
		if carried < carriers {
			carried++
			n = left
			if carried < carriers {
				n = left / 2
			}
			left -= n
		}
		f.Body = noise(src, n)
	}
}

// noise gives bytes that no compressor makes smaller.
func noise(src rand.Source, n int) []byte {
	b := make([]byte, 0, n+7)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, src.Uint64())
	}
	return b[:n]
}
