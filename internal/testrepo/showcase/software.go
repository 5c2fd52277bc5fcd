package showcase

// A source is what several packages are built of.
type source struct {
	name    string
	version string // [epoch:]version-release, without the distribution's tag; the newest
	license string
	url     string
	in      string // base, app or extra
	about   string
	subs    []sub
	log     []string // what changed, newest first
}

// A sub is a package of a source.
type sub struct {
	name    string // "" is the source's; -x is appended to it
	summary string
	files   string // what it is known for; bin/x, lib/x and unit/x are short for their usual places
	needs   string // names, and sonames
	kib     int64  // its size
}

var software = []source{
	{
		"openssl", "1:3.0.7-29", "Apache-2.0", "https://www.openssl.org/", "base",
		"OpenSSL is a toolkit for secure communication over TLS, and a library of general purpose cryptography. The command line tool makes and inspects certificates, keys and signing requests, computes digests, encrypts files and speaks TLS with any server.",
		[]sub{
			{"", "Command line tool for certificates, keys and TLS", "bin/openssl /etc/pki/tls/openssl.cnf /etc/pki/CA /etc/pki/tls/ct_log_list.cnf bin/make-dummy-cert", "-libs libcrypto.so.3 libssl.so.3", 1180},
			{"-libs", "Shared libraries for TLS and cryptography", "lib/libssl.so.3 lib/libcrypto.so.3 lib/engines-3/afalg.so lib/ossl-modules/legacy.so lib/ossl-modules/fips.so", "libz.so.1 ca-certificates crypto-policies", 2160},
			{"-devel", "Headers to build programs that use OpenSSL", "/usr/include/openssl/ssl.h /usr/include/openssl/evp.h lib/pkgconfig/openssl.pc", "-libs pkgconf", 3020},
			{"-perl", "Perl scripts that come with OpenSSL", "bin/c_rehash", "perl", 42},
		},
		[]string{
			"- Fix unbounded memory growth with session handling in TLSv1.3\n  Resolves: CVE-2024-2511\n- Fix excessive time spent checking DSA keys and parameters\n  Resolves: CVE-2024-4603",
			"- Fix POLY1305 MAC implementation corrupting vector registers on PowerPC\n  Resolves: CVE-2023-6129",
			"- Provide relevant diagnostics when FIPS checksum is corrupted",
			"- Limit the size of keys that DH_check() looks at\n  Resolves: CVE-2023-3446, CVE-2023-3817, CVE-2023-5678",
		},
	},
	{
		"openssh", "8.7p1-38", "BSD-3-Clause AND BSD-2-Clause AND ISC", "https://www.openssh.com/portable.html", "base",
		"OpenSSH encrypts all traffic between hosts: remote login, execution of commands, copying of files and forwarding of connections.",
		[]sub{
			{"", "The secure shell: what server and clients have in common", "bin/ssh-keygen lib/../libexec/openssh/ssh-keysign /etc/ssh/moduli", "libcrypto.so.3 openssl-libs", 470},
			{"-server", "The secure shell server", "sbin/sshd unit/sshd.service unit/sshd.socket /etc/ssh/sshd_config /etc/pam.d/sshd", "openssh pam systemd", 452},
			{"-clients", "Clients of the secure shell", "bin/ssh bin/scp bin/sftp bin/ssh-add bin/ssh-agent bin/ssh-copy-id bin/ssh-keyscan /etc/ssh/ssh_config", "openssh crypto-policies", 701},
			{"-askpass", "Asks for a passphrase in a window", "bin/gnome-ssh-askpass", "openssh", 22},
		},
		[]string{
			"- Possible remote code execution due to a race condition\n  Resolves: CVE-2024-6387",
			"- Avoid remote code execution in ssh-agent PKCS#11 support\n  Resolves: CVE-2023-38408",
			"- Relax checks of OpenSSL versions",
		},
	},
	{
		"curl", "7.76.1-31", "MIT", "https://curl.se/", "base",
		"curl transfers data from or to a server with one of many protocols: HTTP, HTTPS, FTP, SCP, SFTP, LDAP, IMAP, SMTP, MQTT and more. It follows redirects, resumes transfers, sends forms, and knows proxies, cookies and certificates.",
		[]sub{
			{"", "Transfers data to and from URLs", "bin/curl", "libcurl libcurl.so.4", 296},
			{"lib", "Library for transfers by URL", "lib/libcurl.so.4", "libssl.so.3 libnghttp2.so.14 libz.so.1 libssh", 284},
			{"lib-devel", "Headers to build programs that use libcurl", "bin/curl-config /usr/include/curl/curl.h", "libcurl", 866},
			{"-minimal", "curl with HTTP and FTP only", "bin/curl", "libcurl", 128},
		},
		[]string{"- fix heap based buffer overflow in the SOCKS5 proxy handshake (CVE-2023-38545)\n- fix cookie injection with none file (CVE-2023-38546)", "- unify the upload of a single file"},
	},
	{
		"glibc", "2.34-125", "LGPL-2.1-or-later AND SunPro AND GPL-2.0-or-later", "https://www.gnu.org/software/libc/", "base",
		"The GNU C library: what nearly every program of the system is linked to. It has the standard C and mathematics library, threads, and the interface to the kernel.",
		[]sub{
			{"", "The GNU C library", "lib/libc.so.6 lib/libm.so.6 lib/libpthread.so.0 lib/ld-linux-x86-64.so.2 sbin/ldconfig /etc/ld.so.conf", "-common basesystem", 2010},
			{"-common", "Binaries and locale data of the C library", "bin/ldd bin/getent bin/iconv bin/locale", "tzdata", 304},
			{"-langpack-en", "Locale data for English", "/usr/lib/locale/en_US.utf8/LC_CTYPE", "-common", 658},
			{"-devel", "Headers and object files for C programs", "/usr/include/stdio.h /usr/include/stdlib.h lib/crt1.o", "kernel-headers", 1090},
			{"-gconv-extra", "Conversions between further character sets", "lib/gconv/ISO-2022-JP.so", "glibc", 1700},
		},
		[]string{"- Avoid buffer overflow in the dynamic loader's processing of GLIBC_TUNABLES\n  Resolves: CVE-2023-4911", "- Synchronize with release branch upstream"},
	},
	{
		"bash", "5.1.8-9", "GPL-3.0-or-later", "https://www.gnu.org/software/bash", "base",
		"Bash is the shell of the GNU project: compatible with sh, with job control, line editing and a history of commands.",
		[]sub{{"", "The GNU Bourne Again shell", "bin/bash bin/sh /etc/skel/.bashrc /etc/skel/.bash_profile", "libtinfo.so.6 filesystem", 1720}, {"-doc", "Documentation of bash", "/usr/share/doc/bash-doc/bash.html", "bash", 1650}},
		[]string{"- Fix a crash on completion of a name with a newline", "- Add a bash-preexec hook"},
	},
	{
		"kernel", "5.14.0-503.11.1", "GPL-2.0-only AND LGPL-2.1-only", "https://www.kernel.org/", "base",
		"The Linux kernel, the core of the operating system.",
		[]sub{
			{"", "The Linux kernel", "", "-core -modules", 1980},
			{"-core", "The Linux kernel and the modules that every system needs", "/lib/modules/5.14.0/vmlinuz /lib/modules/5.14.0/System.map", "dracut linux-firmware systemd", 18200},
			{"-modules", "Further modules of the kernel", "/lib/modules/5.14.0/kernel/fs/xfs/xfs.ko.xz", "-core", 37600},
			{"-headers", "Headers for programs that talk to the kernel", "/usr/include/linux/types.h", "", 3400},
			{"-tools", "Tools that look at and tune the kernel", "bin/cpupower bin/turbostat", "python3", 2200},
		},
		[]string{"- net: sched: sch_qfq: Fix UAF in qfq_dequeue() {CVE-2023-4921}\n- netfilter: nf_tables: disallow rule removal from chain binding {CVE-2023-5197}", "- scsi: mpi3mr: sanitise num_phys\n- xfs: fix getfsmap reporting past the last rt extent"},
	},
	{
		"systemd", "252-46", "LGPL-2.1-or-later AND MIT AND GPL-2.0-or-later", "https://systemd.io", "base",
		"systemd starts and supervises everything else: services, devices, mounts, sockets, timers, sessions and logs.",
		[]sub{
			{"", "System and service manager", "bin/systemctl bin/journalctl bin/systemd-analyze bin/hostnamectl bin/timedatectl lib/systemd/systemd", "-libs dbus", 4300},
			{"-libs", "Libraries of systemd", "lib/libsystemd.so.0", "libcap.so.2", 650},
			{"-udev", "Manager of devices", "bin/udevadm lib/systemd/systemd-udevd", "systemd", 1930},
			{"-resolved", "Resolver of network names", "bin/resolvectl unit/systemd-resolved.service", "systemd", 380},
			{"-container", "Tools for containers and virtual machines", "bin/systemd-nspawn bin/machinectl", "systemd", 560},
		},
		[]string{"- resolved: request DNSSEC records only where they are asked for\n  Resolves: CVE-2023-7008", "- units: change assert to condition to skip running in initrd"},
	},
	{
		"sudo", "1.9.5p2-10", "ISC", "https://www.sudo.ws", "base",
		"sudo lets chosen users run chosen commands as root or as others, and logs what they did.",
		[]sub{{"", "Runs commands as root or as another user", "bin/sudo bin/sudoedit bin/sudoreplay sbin/visudo /etc/sudoers /etc/sudo.conf", "pam", 1080}, {"-python-plugin", "Policy plugins in Python", "lib/sudo/python_plugin.so", "sudo python3", 51}},
		[]string{"- Arbitrary file write with privileges of the RunAs user in sudoedit\n  Resolves: CVE-2023-22809", "- sudo: targeted Rowhammer-style attack may bypass authentication\n  Resolves: CVE-2023-42465"},
	},
	{
		"vim", "2:8.2.2637-21", "Vim AND MIT", "https://www.vim.org/", "app",
		"Vim (Vi IMproved) is the editor that is on every host: modal, fast, programmable, with syntax colouring, several windows and undo without limit.",
		[]sub{
			{"-enhanced", "The VIM editor with recent enhancements", "bin/vim bin/vimdiff bin/rvim", "-common libtinfo.so.6", 1740},
			{"-minimal", "A minimal version of the VIM editor", "bin/vi bin/view", "filesystem", 670},
			{"-common", "What all versions of the VIM editor need", "/etc/vimrc bin/xxd", "-filesystem", 6900},
			{"-filesystem", "Directories of the VIM editor", "/usr/share/vim/vimfiles", "", 9},
		},
		[]string{"- CVE-2022-2526, CVE-2022-1927 vim: buffer over-read in utf_ptr2char()"},
	},
	{
		"httpd", "2.4.62-1", "Apache-2.0", "https://httpd.apache.org/", "app",
		"The Apache HTTP Server: powerful, efficient and extensible.",
		[]sub{
			{"", "Apache HTTP Server", "sbin/httpd sbin/apachectl unit/httpd.service /etc/httpd/conf/httpd.conf", "-core system-logos-httpd", 46},
			{"-core", "The minimal web server", "sbin/htcacheclean lib/httpd/modules/mod_proxy.so", "libapr-1.so.0 mailcap", 1480},
			{"-tools", "Tools for use with the web server", "bin/htpasswd bin/ab bin/htdigest bin/logresolve", "libapr-1.so.0", 83},
		},
		[]string{"- new version 2.4.62\n- Fix SSRF with mod_rewrite on Windows, source code disclosure with handlers configured by AddType (CVE-2024-40725)", "- mod_proxy: fix improper encoding of names (CVE-2024-38473)"},
	},
	{
		"nginx", "2:1.20.1-20", "BSD-2-Clause", "https://nginx.org", "app",
		"nginx is a web server and a reverse proxy for HTTP, SMTP, POP3 and IMAP, with a strong focus on concurrency and low use of memory.",
		[]sub{
			{"", "A high performance web server and reverse proxy server", "sbin/nginx unit/nginx.service /etc/nginx/nginx.conf", "-core openssl pcre", 37},
			{"-core", "The minimal web server without modules", "sbin/nginx-upgrade lib/nginx/modules", "libpcre2-8.so.0 libssl.so.3", 571},
			{"-mod-stream", "Proxy for TCP and UDP", "lib/nginx/modules/ngx_stream_module.so", "nginx", 77},
		},
		[]string{"- Prevent denial of service by rapid reset of HTTP/2 streams (CVE-2023-44487)"},
	},
	{
		"postgresql", "13.18-1", "PostgreSQL", "https://www.postgresql.org/", "app",
		"PostgreSQL is an advanced object-relational database management system.",
		[]sub{
			{"", "Client programs of PostgreSQL", "bin/psql bin/pg_dump bin/pg_restore bin/createdb", "libpq.so.5", 1580},
			{"-server", "What creates and runs a PostgreSQL server", "bin/postgres bin/initdb bin/pg_ctl unit/postgresql.service", "postgresql systemd", 5900},
			{"-contrib", "Extension modules that come with PostgreSQL", "lib/pgsql/pg_stat_statements.so", "postgresql", 880},
		},
		[]string{"- Update to 13.18: fixes CVE-2024-10976, CVE-2024-10978, CVE-2024-10979"},
	},
	{
		"python3.9", "3.9.19-8", "Python-2.0.1", "https://www.python.org/", "base",
		"Python is an accessible, high-level, dynamically typed, interpreted programming language, designed with an emphasis on code readability.",
		[]sub{
			{"python3", "The Python interpreter", "bin/python3 bin/python3.9 bin/pydoc3", "-libs", 26},
			{"python3-libs", "The standard library of Python", "lib/libpython3.9.so.1.0 /usr/lib64/python3.9/os.py", "libssl.so.3 libz.so.1 libexpat.so.1", 7700},
			{"python3-devel", "Headers to build extensions of Python", "bin/python3-config /usr/include/python3.9/Python.h", "python3", 246},
		},
		[]string{"- Security fix for CVE-2024-6232: quadratic complexity when parsing tar headers", "- Security fix for CVE-2023-27043: e-mail addresses that are parsed wrongly"},
	},
	{
		"nodejs", "1:20.18.2-1.module_el9.5.0+103", "MIT AND BSD-3-Clause AND Apache-2.0", "https://nodejs.org/", "app",
		"Node.js runs JavaScript outside of browsers, on an event loop that never blocks: for fast, scalable network programs.",
		[]sub{
			{"", "JavaScript runtime", "bin/node", "-libs npm", 13900},
			{"-libs", "Node.js and v8 libraries", "lib/libnode.so.115", "libssl.so.3 libz.so.1", 16800},
			{"npm", "Package manager for Node.js", "bin/npm bin/npx", "nodejs", 2580},
		},
		[]string{"- Update to version 20.18.2\n  Fixes: CVE-2025-23083, CVE-2025-23085, CVE-2025-22150"},
	},
	{
		"git", "2.43.5-2", "GPL-2.0-only", "https://git-scm.com/", "app",
		"Git is a fast, scalable, distributed revision control system with an unusually rich set of commands.",
		[]sub{
			{"", "Fast distributed version control", "bin/git bin/git-upload-pack", "-core perl-Git", 54},
			{"-core", "The core of git with few dependencies", "bin/git bin/git-receive-pack bin/git-shell lib/../libexec/git-core/git-remote-https", "libcurl.so.4 less openssh-clients", 4640},
			{"-all", "Everything that git has", "", "git git-svn", 8},
		},
		[]string{"- Fix remote code execution while cloning special-crafted local repositories\n  Resolves: CVE-2024-32002, CVE-2024-32004"},
	},
	{
		"podman", "4:5.2.2-9", "Apache-2.0 AND BSD-2-Clause AND MIT", "https://podman.io/", "app",
		"podman manages pods, containers and images without a daemon. Most users can alias docker to podman.",
		[]sub{{"", "Manages pods, containers and container images", "bin/podman bin/podmansh unit/podman.service unit/podman.socket", "conmon crun containers-common", 16400}, {"-docker", "Emulates the docker command line by podman", "bin/docker", "podman", 116}},
		[]string{"- fixes a link following in the build of containers (CVE-2024-9407)"},
	},
	{
		"zlib", "1.2.11-41", "Zlib AND BSL-1.0", "https://www.zlib.net/", "base",
		"zlib compresses and decompresses without loss, in memory, and checks what it has decompressed.",
		[]sub{{"", "Compression and decompression library", "lib/libz.so.1", "", 91}, {"-devel", "Headers to build programs that use zlib", "/usr/include/zlib.h", "zlib", 44}},
		[]string{"- Fix CVE-2023-45853: an integer overflow in MiniZip", "- inflate: do not read beyond the window on s390x"},
	},
	{
		"pcre2", "10.40-6", "BSD-3-Clause", "https://www.pcre.org/", "base",
		"Regular expressions as Perl has them.",
		[]sub{{"", "Library of regular expressions that are compatible with Perl's", "lib/libpcre2-8.so.0", "", 232}, {"-devel", "Headers to build programs that use PCRE2", "bin/pcre2-config", "pcre2", 472}},
		nil,
	},
	{
		"nghttp2", "1.43.0-6", "MIT", "https://nghttp2.org/", "base",
		"HTTP/2 in C.",
		[]sub{{"lib", "A library that speaks HTTP/2", "lib/libnghttp2.so.14", "", 71}},
		[]string{"- Limit CONTINUATION frames (CVE-2024-28182)"},
	},
	{
		"ncurses", "6.2-10.20210508", "MIT", "https://invisible-island.net/ncurses/", "base",
		"Screens of characters, for any terminal.",
		[]sub{{"", "Tools for terminals", "bin/tput bin/clear bin/reset bin/infocmp", "-libs", 399}, {"-libs", "Library for screens of characters", "lib/libtinfo.so.6 lib/libncurses.so.6", "-base", 325}, {"-base", "Descriptions of common terminals", "/usr/share/terminfo/x/xterm-256color", "", 60}},
		nil,
	},
	{
		"pam", "1.5.1-22", "BSD-3-Clause OR GPL-2.0-or-later", "http://www.linux-pam.org/", "base",
		"PAM lets an administrator choose how programs authenticate users.",
		[]sub{{"", "Authentication in modules that can be plugged in", "lib/security/pam_unix.so /etc/pam.d/system-auth lib/libpam.so.0", "", 624}},
		nil,
	},
	{
		"dbus", "1:1.12.20-8", "AFL-2.1 OR GPL-2.0-or-later", "https://www.freedesktop.org/wiki/Software/dbus/", "base",
		"D-BUS sends messages between programs.",
		[]sub{{"", "Message bus", "bin/dbus-send bin/dbus-launch lib/libdbus-1.so.3", "systemd", 6}},
		nil,
	},
	{
		"ca-certificates", "2024.2.69_v8.0.303-91.4", "MIT AND GPL-2.0-or-later", "https://fedoraproject.org/wiki/CA-Certificates", "base",
		"The certificates of authorities that Mozilla trusts.",
		[]sub{{"", "The bundle of root certificates that Mozilla trusts", "/etc/pki/tls/certs/ca-bundle.crt bin/update-ca-trust", "", 897}},
		[]string{"- update-ca-trust: copy directory-hash symlinks\n- Update to CKBI 2.69"},
	},
	{
		"crypto-policies", "20240828-2.git626aa59", "LGPL-2.1-or-later", "https://gitlab.com/redhat-crypto/fedora-crypto-policies", "base",
		"One place to say how strong cryptography has to be.",
		[]sub{{"", "The system-wide policies of cryptography", "/etc/crypto-policies/config bin/update-crypto-policies", "", 86}},
		nil,
	},
	{
		"tzdata", "2024b-2", "LicenseRef-Fedora-Public-Domain", "https://www.iana.org/time-zones", "base",
		"When it is what time where.",
		[]sub{{"", "Data of time zones", "/usr/share/zoneinfo/Europe/Berlin /usr/share/zoneinfo/UTC", "", 424}, {"-java", "Data of time zones for Java", "/usr/share/javazi-1.8/tzdb.dat", "", 219}},
		[]string{"- Update to 2024b: improves historical data for Mexico, Mongolia and Portugal"},
	},
	{
		"rsync", "3.2.3-20", "GPL-3.0-or-later", "https://rsync.samba.org/", "base",
		"rsync brings trees of files up to date, and sends only what differs.",
		[]sub{{"", "Synchronises files over a network", "bin/rsync bin/rsync-ssl", "libz.so.1 popt", 394}, {"-daemon", "Service of rsync", "unit/rsyncd.service /etc/rsyncd.conf", "rsync", 9}},
		nil,
	},
	{
		"tmux", "3.2a-5", "ISC AND BSD-2-Clause", "https://tmux.github.io/", "base",
		"tmux keeps several terminals in one, and running when nobody looks.",
		[]sub{{"", "A terminal multiplexer", "bin/tmux", "libtinfo.so.6", 475}},
		nil,
	},
	{
		"chrony", "4.5-3", "GPL-2.0-only", "https://chrony-project.org/", "base",
		"chrony keeps the clock right, on hosts that are always on line and on those that seldom are.",
		[]sub{{"", "An NTP client and server", "sbin/chronyd bin/chronyc unit/chronyd.service /etc/chrony.conf", "systemd", 337}},
		nil,
	},
	{
		"grafana", "9.2.10-20", "AGPL-3.0-only", "https://grafana.org", "app",
		"Dashboards of metrics.",
		[]sub{{"", "Dashboards and graphs of metrics", "sbin/grafana-server unit/grafana-server.service /etc/grafana/grafana.ini", "", 85300}, {"-selinux", "SELinux policy for grafana", "/usr/share/selinux/packages/grafana.pp.bz2", "grafana", 25}},
		[]string{"- fix CVE-2024-9355: uninitialised buffer in golang-fips"},
	},
	{
		"redis", "6.2.16-1", "BSD-3-Clause AND MIT", "https://redis.io", "app",
		"Redis keeps structures of data in memory: strings, hashes, lists, sets, sorted sets, streams.",
		[]sub{{"", "A persistent store of keys and values", "bin/redis-server bin/redis-cli unit/redis.service /etc/redis/redis.conf", "systemd", 1290}},
		[]string{"- rebase to 6.2.16 for CVE-2024-31449, CVE-2024-31228"},
	},
	{
		"mariadb", "3:10.5.27-1", "GPL-2.0-only AND LGPL-2.0-or-later", "https://mariadb.org", "app",
		"MariaDB is a relational database, developed by the community from MySQL.",
		[]sub{{"", "Client programs of MariaDB", "bin/mysql bin/mysqldump", "-common", 1610}, {"-server", "The MariaDB server and what belongs to it", "lib/../libexec/mariadbd unit/mariadb.service", "mariadb", 9600}, {"-common", "Files that server and clients need", "/etc/my.cnf.d/mysql-clients.cnf", "", 30}},
		nil,
	},
	{
		"java-17-openjdk", "1:17.0.14.0.7-2", "Apache-1.1 AND Apache-2.0 AND GPL-2.0-only WITH Classpath-exception-2.0", "https://openjdk.org/", "app",
		"The runtime environment of OpenJDK 17.",
		[]sub{{"", "OpenJDK 17 runtime environment", "/usr/lib/jvm/jre-17-openjdk/bin/java", "-headless", 440}, {"-headless", "OpenJDK 17 runtime environment without windows", "/usr/lib/jvm/jre-17-openjdk/lib/server/libjvm.so", "tzdata-java ca-certificates", 44800}, {"-devel", "OpenJDK 17 development environment", "/usr/lib/jvm/java-17-openjdk/bin/javac", "java-17-openjdk", 4900}},
		[]string{"- Update to jdk-17.0.14+7 (GA): security fixes of January"},
	},
	{
		"ansible-core", "1:2.14.18-1", "GPL-3.0-or-later", "https://ansible.com", "app",
		"Ansible manages configuration, deploys programs and orchestrates tasks, over SSH and without agents.",
		[]sub{{"", "Automation over SSH without agents", "bin/ansible bin/ansible-playbook bin/ansible-vault", "python3 sshpass", 2600}},
		nil,
	},
	{
		"htop", "3.3.0-1", "GPL-2.0-or-later", "https://htop.dev/", "extra",
		"htop shows what runs, in colour, and lets one scroll through it and end it.",
		[]sub{{"", "Interactive process viewer", "bin/htop", "libncurses.so.6", 199}},
		[]string{"- Update to 3.3.0"},
	},
	{
		"jq", "1.7.1-8", "MIT", "https://jqlang.github.io/jq/", "extra",
		"jq is sed for JSON: it slices, filters, maps and transforms structured data.",
		[]sub{{"", "Command line processor for JSON", "bin/jq", "libonig.so.5", 186}},
		nil,
	},
	{
		"ripgrep", "14.1.1-1", "MIT OR Unlicense", "https://github.com/BurntSushi/ripgrep", "extra",
		"ripgrep searches the current directory for a pattern, and respects .gitignore.",
		[]sub{{"", "Searches directories for a pattern, fast", "bin/rg", "", 1520}},
		nil,
	},
	{
		"fail2ban", "1.0.2-12", "GPL-2.0-or-later", "https://www.fail2ban.org", "extra",
		"Fail2Ban bans hosts that cause too many errors of authentication.",
		[]sub{{"", "Bans hosts that fail to log in again and again", "bin/fail2ban-client unit/fail2ban.service", "-server", 9}, {"-server", "The core of Fail2Ban", "bin/fail2ban-server /etc/fail2ban/jail.conf", "python3 nftables", 462}},
		nil,
	},
	{
		"borgbackup", "1.4.0-1", "BSD-3-Clause", "https://borgbackup.readthedocs.org", "extra",
		"Borg makes backups that take little room: what is the same is kept once, compressed and encrypted.",
		[]sub{{"", "Backups without duplicates, compressed and encrypted", "bin/borg bin/borgfs", "python3 libcrypto.so.3", 889}},
		nil,
	},
	{
		"certbot", "2.11.0-1", "Apache-2.0", "https://pypi.python.org/pypi/certbot", "extra",
		"certbot gets certificates from Let's Encrypt, and renews them.",
		[]sub{{"", "Client of Let's Encrypt", "bin/certbot unit/certbot-renew.service unit/certbot-renew.timer", "python3", 25}},
		nil,
	},
	{
		"prometheus-node-exporter", "1.8.2-1", "Apache-2.0", "https://github.com/prometheus/node_exporter", "extra",
		"Tells Prometheus how a host is.",
		[]sub{{"", "Metrics of hardware and kernel for Prometheus", "bin/node_exporter unit/prometheus-node-exporter.service", "", 4530}},
		nil,
	},
	{
		"acme-agent", "4.12.1-3", "LicenseRef-Proprietary", "https://intranet.example/agent", "own",
		"Reports inventory and takes orders from the fleet manager.",
		[]sub{{"", "Agent of the fleet manager", "bin/acme-agent unit/acme-agent.service /etc/acme/agent.toml", "openssl-libs systemd", 6210}, {"-selinux", "SELinux policy for the agent", "/usr/share/selinux/packages/acme-agent.pp", "acme-agent", 18}},
		[]string{"- Retry uploads of inventory with backoff", "- Understand the new certificates"},
	},
	{
		"acme-baseline", "2026.11-1", "LicenseRef-Proprietary", "https://intranet.example/baseline", "own",
		"Settings that every host of ours has.",
		[]sub{{"", "Configuration that all hosts have in common", "/etc/sysctl.d/90-acme.conf /etc/ssh/sshd_config.d/10-acme.conf", "openssh-server chrony rsync", 14}},
		[]string{"- sshd: no passwords any more"},
	},
	{
		"acme-certs", "2026.10-2", "LicenseRef-Proprietary", "https://intranet.example/pki", "own",
		"The certificates of our own authority.",
		[]sub{{"", "Certificates of our own authority", "/etc/pki/ca-trust/source/anchors/acme-root.crt", "ca-certificates", 11}},
		nil,
	},
}
