package config

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
)

// baseArch is the architecture whose repositories a machine of this
// architecture uses, as rpm's and dnf's tables have it.
func baseArch(arch string) string {
	switch arch {
	case "i386", "i486", "i586", "i686", "athlon", "geode", "pentium3", "pentium4":
		return "i386"
	case "x86_64", "amd64", "ia32e", "x86_64_v2", "x86_64_v3", "x86_64_v4":
		return "x86_64"
	case "armv5tel", "armv5tejl", "armv6l":
		return "arm"
	case "armv7hl", "armv7hnl", "armv8hl":
		return "armhfp"
	case "armv6hl":
		return "armv6hl"
	case "ppc64iseries", "ppc64p7", "ppc64pseries":
		return "ppc64"
	case "sparc64v", "sparc64":
		return "sparc"
	case "alphaev4", "alphaev45", "alphaev5", "alphaev56", "alphaev6", "alphaev67", "alphaev68", "alphapca56":
		return "alpha"
	}
	return arch
}

// bestArch is what $arch is where only $basearch is given.
func bestArch(base string) string {
	switch base {
	case "i386":
		return "i686"
	case "armhfp":
		return "armv7hl"
	}
	return base
}

// hostArch is this machine's architecture in rpm's words.
func hostArch() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "386":
		return "i686"
	case "arm64":
		return "aarch64"
	case "arm":
		return "armv7hl"
	case "loong64":
		return "loongarch64"
	case "mips64le":
		return "mips64el"
	case "mipsle":
		return "mipsel"
	}
	return runtime.GOARCH // ppc64, ppc64le, riscv64, s390x
}

// hostRelease is the release version of this machine where os-release gives
// what the system's packages would: Fedora, the RHEL family and openSUSE Leap.
// Empty elsewhere: a guess would mirror the wrong release.
func hostRelease(sysroot string) string {
	for _, file := range []string{"etc/os-release", "usr/lib/os-release"} {
		f, err := os.Open(filepath.Join(sysroot, file))
		if err != nil {
			continue
		}
		fields := osRelease(f)
		_ = f.Close() // only read from
		return releaseOf(fields)
	}
	return ""
}

func releaseOf(fields map[string]string) string {
	version := fields["VERSION_ID"]
	id := fields["ID"]
	likes := strings.Fields(fields["ID_LIKE"])
	switch {
	case id == "fedora" || id == "opensuse-leap":
		return version
	case id == "amzn": // its repositories want the dated release, which is not here
		return ""
	case id == "rhel" || id == "centos" || contains(likes, "rhel"):
		major, _, _ := strings.Cut(version, ".")
		return major
	}
	return ""
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func osRelease(r io.Reader) map[string]string {
	fields := map[string]string{}
	lines := bufio.NewScanner(io.LimitReader(r, 64<<10))
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), "="); ok {
			fields[key] = unquote(value)
		}
	}
	return fields
}

// maxVarSize bounds the first line of a variable file, in bytes.
const maxVarSize = 64 << 10

// readVarsDir reads a directory of variables: a file's name is the variable,
// its first line the value. A directory that is not there holds none.
func readVarsDir(dir string) (Vars, []Warning) {
	list, err := os.ReadDir(dir)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, nil
		}
		return nil, []Warning{{File: dir, Text: "variables not read: " + err.Error()}}
	}
	vars := Vars{}
	var warnings []Warning
	for _, file := range list {
		if !isVarName(file.Name()) {
			continue // an editor's backup, a package manager's .rpmnew
		}
		path := filepath.Join(dir, file.Name())
		if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
			continue
		}
		value, err := readVarFile(path)
		if err != nil {
			warnings = append(warnings, Warning{File: path, Text: "variable not read: " + err.Error()})
			continue
		}
		vars[file.Name()] = value
	}
	return vars, warnings
}

func readVarFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxVarSize))
	_ = f.Close() // only read from
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimRight(line, "\r"), err
}

// envVars are the variables that the environment gives, from entries of the
// form name=value.
func envVars(environ []string) Vars {
	vars := Vars{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if v, ok := strings.CutPrefix(name, "DNF_VAR_"); ok && isVarName(v) {
			vars[v] = value
		} else if len(name) == 4 && (name[:3] == "DNF" || name[:3] == "YUM") && '0' <= name[3] && name[3] <= '9' {
			vars[name] = value
		}
	}
	return vars
}

// repoFiles lists a directory's *.repo files in dnf's order: by name without
// the suffix.
func repoFiles(dir string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range list {
		name, ok := strings.CutSuffix(file.Name(), ".repo")
		if !ok || name == "" || name[0] == '.' { // a shell's *.repo leaves them out too
			continue
		}
		names = append(names, name)
	}
	sort.Strings(names)
	for i, name := range names {
		names[i] = filepath.Join(dir, name+".repo")
	}
	return names, nil
}
