// Package showcase writes a mirror to look at: a few repositories with names,
// texts, versions and dates as real ones have them, several publications, groups,
// modules and advisories. The packages are files of the right size with nothing in
// them; the metadata is whole.
package showcase

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorepo/internal/testrepo"
)

// IDs of repositories that the mirror has.
const (
	BaseOS    = "almalinux-9-baseos"
	AppStream = "almalinux-9-appstream"
	Own       = "acme-el9"
)

// A repo is one of the mirror's repositories.
type repo struct {
	id, name      string
	release, arch string
	upstream      string
	keys          string // further lines of its section
	in            string // the software that it has
	tag           string // of the distribution, in releases
	vendor        string
	versions      int           // of each package, at most
	synced        time.Duration // ago; 0: never
	failures      int
	last          time.Duration // since the last complete sync
	extras        bool          // groups, modules, advisories
}

var repos = []repo{
	{
		id: BaseOS, name: "AlmaLinux 9 - BaseOS", release: "9", arch: "x86_64", upstream: "https://repo.almalinux.org/almalinux/9/BaseOS/x86_64/os/",
		in: "base", tag: ".el9_5", vendor: "AlmaLinux", versions: 4, synced: 5 * time.Hour, extras: true,
	},
	{
		id: AppStream, name: "AlmaLinux 9 - AppStream", release: "9", arch: "x86_64", upstream: "https://repo.almalinux.org/almalinux/9/AppStream/x86_64/os/",
		in: "app", tag: ".el9_5", vendor: "AlmaLinux", versions: 3, synced: 5 * time.Hour, extras: true,
	},
	{
		id: "epel-9", name: "Extra Packages for Enterprise Linux 9", release: "9", arch: "x86_64", upstream: "https://dl.fedoraproject.org/pub/epel/9/Everything/x86_64/",
		in: "extra", tag: ".el9", vendor: "Fedora Project", versions: 2, synced: 5 * time.Hour,
	},
	{
		id: "almalinux-8-baseos", name: "AlmaLinux 8 - BaseOS", release: "8", arch: "x86_64", upstream: "https://repo.almalinux.org/almalinux/8/BaseOS/x86_64/os/",
		in: "base", tag: ".el8_10", vendor: "AlmaLinux", versions: 2, synced: 5 * time.Hour,
	},
	{
		id: "centos-7-updates", name: "CentOS 7 - Updates", release: "7", arch: "x86_64", upstream: "https://vault.centos.org/centos/7/updates/x86_64/",
		in: "base", tag: ".el7_9", vendor: "CentOS", versions: 1, synced: 5 * time.Hour, failures: 3, last: 9 * 24 * time.Hour,
	},
	{
		id: "amazonlinux-2023", name: "Amazon Linux 2023", release: "2023", arch: "aarch64", upstream: "https://cdn.amazonlinux.com/al2023/core/mirrors/latest/aarch64/",
		in: "base app", tag: ".amzn2023", vendor: "Amazon Linux", versions: 2, synced: 3*24*time.Hour + 4*time.Hour, last: 3*24*time.Hour + 4*time.Hour,
	},
	{
		id: "leap-15.6-update", name: "openSUSE Leap 15.6 - Updates", release: "15.6", arch: "x86_64", upstream: "https://download.opensuse.org/update/leap/15.6/sle/",
		in: "base", tag: ".150600", vendor: "SUSE LLC <https://www.suse.com/>", versions: 2, synced: 5 * time.Hour,
	},
	{id: Own, name: "ACME packages for EL 9", release: "9", arch: "x86_64", in: "own", tag: ".el9", vendor: "ACME Corp.", versions: 4, keys: "max_age=never\n"},
}

// Write makes a mirror in dir/mirror and its configuration dir/gorepo.conf, as they
// would be at the time now. key is the path of a public key, "" for none.
func Write(dir string, now time.Time, key string) error {
	root := filepath.Join(dir, "mirror")
	conf := fmt.Sprintf("[main]\nroot=%s\nreposdir=%s\n", root, filepath.Join(dir, "none"))
	for _, r := range repos {
		if err := r.write(root, now); err != nil {
			return fmt.Errorf("showcase: %s: %w", r.id, err)
		}
		conf += "\n[" + r.id + "]\nname=" + r.name + "\nreleasever=" + r.release + "\nbasearch=" + r.arch + "\n"
		if r.upstream != "" {
			conf += "baseurl=" + r.upstream + "\n"
		} else {
			conf += "baseurl=file:///srv/build/" + r.id + "/\n"
		}
		if key != "" {
			conf += "gpgcheck=1\ngpgkey=file://" + key + "\n"
		}
		conf += r.keys
	}
	return os.WriteFile(filepath.Join(dir, "gorepo.conf"), []byte(conf), 0o644)
}

// chance is a number below n that is always the same for the same words.
func chance(n int, words ...string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.Join(words, "\x00"))) // a hash takes all
	return int(h.Sum32() % uint32(n))
}

// age is how many days ago a version came, the newest being version 0.
func (r repo) age(s source, version int) int {
	first := map[string]int{"curl": 0, "httpd": 0, "kernel": 1, "acme-agent": 1, "openssl": 9, "openssh": 3, "nodejs": 2}
	age, ok := first[s.name]
	if !ok {
		age = 2 + chance(70, r.id, s.name)
	}
	for i := range version {
		age += 14 + chance(50, r.id, s.name, strconv.Itoa(i))
	}
	return age
}

var number = regexp.MustCompile(`^[0-9]+`)

// evr is a version of a source.
func (r repo) evr(s source, older int) (epoch, version, release string) {
	rest := s.version
	if e, after, ok := strings.Cut(rest, ":"); ok {
		epoch, rest = e, after
	}
	version, release, _ = strings.Cut(rest, "-")
	n, _ := strconv.Atoi(number.FindString(release))
	tail := number.ReplaceAllString(release, "")
	return epoch, version, strconv.Itoa(max(n-older, 1)) + tail + r.tag
}

// came is a package with the day that it came to the mirror, 0 being today.
type came struct {
	*testrepo.Package
	days    int
	version int
	from    string // the version before it, "" for none
}

// night is when the nightly run published, so many nights before the last one.
func night(now time.Time, days int) time.Time {
	last := now.UTC().Truncate(24 * time.Hour).Add(3*time.Hour + 17*time.Minute)
	if last.After(now) {
		last = last.AddDate(0, 0, -1)
	}
	return last.AddDate(0, 0, -days)
}

func (r repo) packages(now time.Time) []came {
	var all []came
	for _, s := range software {
		if !strings.Contains(" "+r.in+" ", " "+s.in+" ") {
			continue
		}
		_, _, release := r.evr(s, 0)
		n, _ := strconv.Atoi(number.FindString(release))
		versions := 1 + chance(r.versions, s.name, r.id)
		if s.name == "openssl" || s.name == "kernel" || s.in == "own" {
			versions = r.versions
		}
		for v := range min(versions, max(n, 1)) {
			for _, sub := range s.subs {
				arches := []string{r.arch}
				if r.arch == "x86_64" && strings.HasSuffix(sub.name, "libs") || sub.name == "-devel" && chance(2, s.name) == 0 {
					arches = []string{"i686", r.arch}
				}
				if sub.files == "" || strings.HasPrefix(sub.files, "/etc") || strings.HasPrefix(sub.files, "/usr/share") {
					arches = []string{"noarch"}
				}
				for _, arch := range arches {
					c := came{Package: r.pkg(s, sub, v, arch, now), days: r.age(s, v), version: v}
					if v+1 < versions {
						epoch, version, release := r.evr(s, v+1)
						c.from = version + "-" + release
						if epoch != "" {
							c.from = epoch + ":" + c.from
						}
					}
					all = append(all, c)
				}
			}
		}
	}
	return all
}

func fullName(s source, name string) string {
	switch {
	case name == "", strings.HasPrefix(name, "-"):
		return s.name + name
	case s.name == "curl" && strings.HasPrefix(name, "lib"), s.name == "nghttp2":
		return map[string]string{"lib": "lib" + s.name, "lib-devel": "lib" + s.name + "-devel"}[name]
	}
	return name
}

var people = []string{"Jana Novak <jnovak@redhat.example>", "Andrew Lukoshko <alukoshko@almalinux.example>", "Sahana Prasad <sahana@redhat.example>", "Dmitry Belyavskiy <dbelyavs@redhat.example>"}

func (r repo) pkg(s source, sub sub, version int, arch string, now time.Time) *testrepo.Package {
	p := &testrepo.Package{
		Name: fullName(s, sub.name), Arch: arch, Summary: sub.summary, Description: s.about, License: s.license, URL: s.url, Vendor: r.vendor,
		Packager: r.vendor, Group: "Unspecified", BuildHost: "x64-builder02." + strings.ToLower(strings.Fields(r.vendor)[0]) + ".example",
	}
	p.Epoch, p.Version, p.Release = r.evr(s, version)
	p.SourceRPM = s.name + "-" + p.Version + "-" + p.Release + ".src.rpm"
	built := night(now, r.age(s, version)+3).Add(time.Duration(chance(80000, p.NEVRA())) * time.Second)
	p.BuildTime, p.FileTime = built.Unix(), built.Add(40*time.Hour).Unix()
	p.Size = sub.kib<<10 + int64(chance(1000, p.NEVRA()))
	p.InstalledSize, p.ArchiveSize = p.Size*3, p.Size*3+4000
	p.HeaderStart, p.HeaderEnd = 4504, 4504+min(p.Size/3, 90_000)
	p.Checksum = fmt.Sprintf("%x", sha256.Sum256([]byte(r.id+p.NEVRA())))
	p.Provides = append(p.Provides, testrepo.Dep{Name: p.Name, Flags: "EQ", Epoch: zero(p.Epoch), Version: p.Version, Release: p.Release})
	p.Provides = append(p.Provides, testrepo.Dep{Name: p.Name + "(" + isa(arch) + ")", Flags: "EQ", Epoch: zero(p.Epoch), Version: p.Version, Release: p.Release})
	for _, f := range strings.Fields(sub.files) {
		p.Files = append(p.Files, paths(s, f, arch)...)
		if so := filepath.Base(f); strings.HasPrefix(f, "lib/lib") && strings.Contains(so, ".so.") {
			p.Provides = append(p.Provides, testrepo.Dep{Name: so + bits(arch)})
		}
	}
	p.Files = append(p.Files,
		testrepo.File{Path: "/usr/share/doc/" + p.Name, Type: "dir"}, testrepo.File{Path: "/usr/share/doc/" + p.Name + "/README.md"},
		testrepo.File{Path: "/usr/share/licenses/" + p.Name, Type: "dir"}, testrepo.File{Path: "/usr/share/licenses/" + p.Name + "/LICENSE"})
	for _, need := range strings.Fields(sub.needs) {
		switch {
		case strings.HasPrefix(need, "-"):
			p.Requires = append(p.Requires, testrepo.Dep{Name: s.name + need + "(" + isa(arch) + ")", Flags: "EQ", Epoch: zero(p.Epoch), Version: p.Version, Release: p.Release})
		case strings.Contains(need, ".so."):
			p.Requires = append(p.Requires, testrepo.Dep{Name: need + bits(arch)})
		default:
			p.Requires = append(p.Requires, testrepo.Dep{Name: need})
		}
	}
	if strings.Contains(sub.files, "bin/") && p.Name != "bash" {
		p.Requires = append(p.Requires, testrepo.Dep{Name: "libc.so.6" + bits(arch)}, testrepo.Dep{Name: "/bin/sh", Pre: true})
	}
	if p.Name == "nginx" {
		p.Recommends = append(p.Recommends, testrepo.Dep{Name: "logrotate"})
		p.Provides = append(p.Provides, testrepo.Dep{Name: "webserver"})
	}
	if p.Name == "curl-minimal" {
		p.Conflicts = append(p.Conflicts, testrepo.Dep{Name: "curl"})
	}
	for i := range max(0, len(s.log)-version) {
		_, v, rel := r.evr(s, version+i)
		p.Changelogs = append(p.Changelogs, testrepo.Changelog{
			Author: people[chance(len(people), s.name, strconv.Itoa(i+version))] + " - " + strings.TrimPrefix(zero(p.Epoch)+":", "0:") + v + "-" + rel,
			Date:   night(now, r.age(s, version+i)+5).Truncate(24 * time.Hour).Add(12 * time.Hour).Unix(), Text: s.log[i+version],
		})
	}
	return p
}

func zero(epoch string) string {
	if epoch == "" {
		return "0"
	}
	return epoch
}

func bits(arch string) string {
	if arch == "i686" {
		return ""
	}
	return "()(64bit)"
}

func isa(arch string) string {
	return map[string]string{"x86_64": "x86-64", "i686": "x86-32", "aarch64": "aarch-64"}[arch]
}

// paths gives a file with what comes along with it.
func paths(s source, short, arch string) []testrepo.File {
	dir, name := filepath.Split(short)
	lib := "/usr/lib64/"
	if arch == "i686" {
		lib = "/usr/lib/"
	}
	switch {
	case strings.HasPrefix(short, "/"):
		return []testrepo.File{{Path: short}}
	case dir == "bin/" && name == "sh":
		return []testrepo.File{{Path: "/usr/bin/sh"}, {Path: "/bin/sh"}}
	case dir == "bin/":
		return []testrepo.File{{Path: "/usr/bin/" + name}, {Path: "/usr/share/man/man1/" + name + ".1.gz"}}
	case dir == "sbin/":
		return []testrepo.File{{Path: "/usr/sbin/" + name}, {Path: "/usr/share/man/man8/" + name + ".8.gz"}}
	case dir == "unit/":
		return []testrepo.File{{Path: "/usr/lib/systemd/system/" + name}}
	case strings.HasPrefix(short, "lib/"):
		return []testrepo.File{{Path: filepath.Join(lib, strings.TrimPrefix(short, "lib/"))}}
	}
	return []testrepo.File{{Path: "/usr/" + short}}
}

func (r repo) write(root string, now time.Time) error {
	packages := r.packages(now)
	dir := filepath.Join(root, r.id)
	newest := slices.MinFunc(packages, func(a, b came) int { return a.days - b.days })
	published := night(now, newest.days)
	o := testrepo.Options{Revision: published.Unix()}
	if r.extras {
		o.Comps, o.Modules, o.Updates = comps(r), modules(r, packages), advisories(r, packages, now)
	}
	list := make([]*testrepo.Package, len(packages))
	for i, c := range packages {
		list[i] = c.Package
	}
	up := testrepo.Render(o, list...)
	for _, name := range up.Paths() {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, up.File(name), 0o644); err != nil {
			return err
		}
	}
	for _, p := range list {
		file := filepath.Join(dir, filepath.FromSlash(p.Href()))
		if err := os.Truncate(file, p.Size); err != nil { // takes no room
			return err
		}
		if err := os.Chtimes(file, time.Unix(p.FileTime, 0), time.Unix(p.FileTime, 0)); err != nil {
			return err
		}
	}
	if err := os.Chtimes(filepath.Join(dir, "repodata", "repomd.xml"), published, published); err != nil {
		return err
	}
	if err := r.writeHistory(root, packages, filepath.Base(up.Metadata("primary")), now); err != nil {
		return err
	}
	return r.writeState(root, list, published, now)
}

// update is a version that came to others.
type update struct {
	Package string `json:"package"`
	From    string `json:"from"`
}

type publication struct {
	Time     time.Time      `json:"time"`
	Revision string         `json:"revision"`
	Repomd   string         `json:"repomd"`
	Primary  string         `json:"primary"`
	Before   string         `json:"before,omitempty"`
	First    bool           `json:"first,omitempty"`
	Packages int            `json:"packages"`
	Counts   map[string]int `json:"counts"`
	Added    []string       `json:"added,omitempty"`
	Updated  []update       `json:"updated,omitempty"`
	Removed  []string       `json:"removed,omitempty"`
}

// writeHistory tells of the last 60 days. primary is the name of the file that
// the last line is about.
func (r repo) writeHistory(root string, packages []came, primary string, now time.Time) error {
	const since = 60
	sum, _, _ := strings.Cut(primary, "-")
	byDay, have := map[int][]came{}, 0
	for _, c := range packages {
		if c.days > since {
			have++
			continue
		}
		byDay[c.days] = append(byDay[c.days], c)
	}
	days := []int{since + 1}
	for d := range byDay {
		days = append(days, d)
	}
	slices.Sort(days)
	slices.Reverse(days)
	var out []byte
	before := ""
	for i, day := range days {
		p := publication{Time: night(now, day), Before: before, First: i == 0, Primary: fmt.Sprintf("%064x", day), Counts: map[string]int{}}
		if i == len(days)-1 {
			p.Primary = sum
		}
		p.Revision, p.Repomd = strconv.FormatInt(p.Time.Unix(), 10), fmt.Sprintf("%064x", 1000+day)
		for _, c := range byDay[day] {
			have++
			if c.from != "" {
				p.Updated = append(p.Updated, update{c.NEVRA(), c.from})
			} else {
				p.Added = append(p.Added, c.NEVRA())
			}
		}
		if day%9 == 0 {
			p.Removed = []string{fmt.Sprintf("%s-0.9.%d-1%s.noarch", "compat-"+software[day%len(software)].name, day, r.tag)}
		}
		p.Packages = have
		p.Counts["added"], p.Counts["updated"], p.Counts["removed"] = len(p.Added), len(p.Updated), len(p.Removed)
		line, err := json.Marshal(p)
		if err != nil {
			return err
		}
		out = append(append(out, line...), '\n')
		before = p.Primary
	}
	state := filepath.Join(root, ".gorepo", r.id)
	if err := os.MkdirAll(state, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(state, "history"), out, 0o644)
}

func (r repo) writeState(root string, list []*testrepo.Package, published, now time.Time) error {
	bytes := int64(0)
	for _, p := range list {
		bytes += p.Size
	}
	state := map[string]any{"version": 1, "publish": map[string]any{
		"time": published, "revision": strconv.FormatInt(published.Unix(), 10), "outcome": "complete", "packages": len(list),
	}}
	if r.synced > 0 {
		sync := map[string]any{
			"time": now.Add(-r.synced), "outcome": "complete", "packages": len(list), "bytes": bytes, "complete": now.Add(-r.synced),
			"gpgchecked": true, "failures": r.failures,
		}
		if r.failures > 0 {
			sync["outcome"] = "failed"
		}
		if r.last > 0 {
			sync["complete"] = now.Add(-r.last)
		}
		state["sync"] = sync
	}
	data, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, ".gorepo", r.id, "state.json"), data, 0o644)
}

// IDs are the repositories that the mirror has.
func IDs() []string {
	var ids []string
	for _, r := range repos {
		ids = append(ids, r.id)
	}
	return ids
}
