package config

import (
	"fmt"
	"strings"
)

// scope says where a key may stand.
type scope int

const (
	inRepo scope = 1 << iota
	inMain
	inBoth = inRepo | inMain
)

// A key is one word of the language and what it does.
type key struct {
	scope scope
	// repo applies the expanded value to a repository; main to [main].
	repo func(r *Repo, value string) error
	main func(m *Main, value string) error
	// refuse is set for a key that asks for a check, a filter or a limit that
	// gorepo does not have: it returns an error unless the value asks for
	// nothing.
	refuse func(value string) error
	// variable keys are variables of their section, not settings.
	variable bool
	adds     bool // every line for it adds to the others, [main]'s too; an empty one takes them back
	secret   bool // no part of the value may appear in a message
	build    bool // without it metadata cannot be made as it is asked for
	access   bool // without it nobody knows who may read the repository
	display  bool // the value is only shown: an unset variable in it harms nothing
}

// keys are all words that this version knows. A word with neither a setting
// nor a refusal is a hint to an installing client and means nothing to a
// mirror.
var keys = buildKeys()

func buildKeys() map[string]key {
	all := map[string]key{}
	add := func(m map[string]key) {
		for name, k := range m {
			all[name] = k
		}
	}
	for _, name := range strings.Fields(hintsMain) {
		all[name] = key{scope: inMain}
	}
	for _, name := range strings.Fields(hintsBoth) {
		all[name] = key{scope: inBoth}
	}
	for _, name := range strings.Fields(hintsRepo) {
		all[name] = key{scope: inRepo}
	}
	add(settings())
	add(serveSettings())
	add(refusals())
	return all
}

func settings() map[string]key {
	return map[string]key{
		"releasever": {scope: inBoth, variable: true},
		"basearch":   {scope: inBoth, variable: true},
		"arch":       {scope: inBoth, variable: true},

		"root":         {scope: inMain, main: func(m *Main, v string) error { m.Root = v; return nil }},
		"workers":      {scope: inMain, main: func(m *Main, v string) (err error) { m.Workers, err = parseInt(v, 1, MaxWorkers); return err }},
		"lock_timeout": {scope: inMain, main: func(m *Main, v string) (err error) { m.LockTimeout, err = ParseDuration(v); return err }},
		"reposdir":     {scope: inMain, main: func(m *Main, v string) error { m.ReposDir = parseList(v); return nil }},
		"varsdir":      {scope: inMain, main: func(m *Main, v string) error { m.VarsDir = parseList(v); return nil }},
		"include":      {scope: inMain, main: func(*Main, string) error { return nil }}, // done while files are read

		"name":       {scope: inRepo, display: true, repo: func(r *Repo, v string) error { r.Name = oneLine(v); return nil }},
		"enabled":    {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.Enabled })},
		"baseurl":    {scope: inRepo, repo: setURLs(func(r *Repo) *[]string { return &r.BaseURL })},
		"mirrorlist": {scope: inRepo, repo: setURL(func(r *Repo) *string { return &r.Mirrorlist })},
		"metalink":   {scope: inRepo, repo: setURL(func(r *Repo) *string { return &r.Metalink })},

		"path": {scope: inRepo, repo: setPath},

		"module_hotfixes": {scope: inRepo, repo: setBool(func(r *Repo) *bool { return &r.ModuleHotfixes })},

		"gpgcheck":      {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.GPGCheck })},
		"repo_gpgcheck": {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.RepoGPGCheck })},
		"pkg_gpgcheck":  {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.pkgGPGCheck })},
		"gpgkey":        {scope: inRepo, repo: setURLs(func(r *Repo) *[]string { return &r.GPGKeys })},

		"gpgkey_fingerprint": {scope: inBoth, repo: func(r *Repo, v string) (err error) {
			r.GPGKeyFingerprints, err = parseFingerprints(v)
			return err
		}},

		"username":       {scope: inBoth, repo: setString(func(r *Repo) *string { return &r.Username })},
		"password":       {scope: inBoth, secret: true, repo: setSecret(func(r *Repo) *Secret { return &r.Password })},
		"proxy":          {scope: inBoth, repo: setProxy},
		"proxy_username": {scope: inBoth, repo: setString(func(r *Repo) *string { return &r.ProxyUsername })},
		"proxy_password": {scope: inBoth, secret: true, repo: setSecret(func(r *Repo) *Secret { return &r.ProxyPassword })},
		"sslverify":      {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.SSLVerify })},
		"sslcacert":      {scope: inBoth, repo: setFile(func(r *Repo) *string { return &r.SSLCACert })},
		"sslclientcert":  {scope: inBoth, repo: setFile(func(r *Repo) *string { return &r.SSLClientCert })},
		"sslclientkey":   {scope: inBoth, repo: setFile(func(r *Repo) *string { return &r.SSLClientKey })},

		"sslverifystatus":     {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.SSLVerifyStatus })},
		"proxy_auth_method":   {scope: inBoth, repo: setProxyAuth},
		"proxy_sslverify":     {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.ProxySSLVerify })},
		"proxy_sslcacert":     {scope: inBoth, repo: setFile(func(r *Repo) *string { return &r.ProxySSLCACert })},
		"proxy_sslclientcert": {scope: inBoth, repo: setFile(func(r *Repo) *string { return &r.ProxySSLClientCert })},
		"proxy_sslclientkey":  {scope: inBoth, repo: setFile(func(r *Repo) *string { return &r.ProxySSLClientKey })},

		"throttle":   {scope: inBoth, repo: setThrottle},
		"bandwidth":  {scope: inBoth, repo: func(r *Repo, v string) (err error) { r.Bandwidth, err = parseBytes(v); return err }},
		"timeout":    {scope: inBoth, repo: setTimeout},
		"retries":    {scope: inBoth, repo: func(r *Repo, v string) (err error) { r.Retries, err = parseInt(v, 0, 1000); return err }},
		"minrate":    {scope: inBoth, repo: func(r *Repo, v string) (err error) { r.MinRate, err = parseBytes(v); return err }},
		"user_agent": {scope: inBoth, repo: func(r *Repo, v string) error { r.UserAgent = oneLine(v); return nil }},
		"ip_resolve": {scope: inBoth, repo: setIPResolve},
		"max_parallel_downloads": {scope: inBoth, repo: func(r *Repo, v string) (err error) {
			r.MaxParallelDownloads, err = parseInt(v, 1, 1000)
			return err
		}},
		"max_downloads_per_mirror": {scope: inBoth, repo: func(r *Repo, v string) (err error) {
			r.MaxDownloadsPerMirror, err = parseInt(v, 1, 1000)
			return err
		}},
		"fastestmirror":       {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.FastestMirror })},
		"skip_if_unavailable": {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.SkipIfUnavailable })},

		"newest_only":          {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.NewestOnly })},
		"delete":               {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.Delete })},
		"max_delete":           {scope: inBoth, repo: setMaxDelete},
		"download_metadata":    {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.DownloadMetadata })},
		"treeinfo":             {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.Treeinfo })},
		"source":               {scope: inBoth, repo: setBool(func(r *Repo) *bool { return &r.Source })},
		"sign_key":             {scope: inBoth, build: true, repo: setFile(func(r *Repo) *string { return &r.SignKey })},
		"sign_with":            {scope: inBoth, build: true, repo: setSignWith},
		"sign_passphrase_file": {scope: inBoth, build: true, repo: setFile(func(r *Repo) *string { return &r.SignPassphraseFile })},

		"mirrors": {
			scope: inBoth,
			repo:  func(r *Repo, v string) (err error) { r.Mirrors, err = parseMirrors(v); return err },
			main:  func(m *Main, v string) (err error) { m.Mirrors, err = parseMirrors(v); return err },
		},
		"max_age": {
			scope: inBoth,
			repo:  func(r *Repo, v string) (err error) { r.MaxAge, err = ParseDuration(v); return err },
			main:  func(m *Main, v string) (err error) { m.MaxAge, err = ParseDuration(v); return err },
		},

		"compat": {scope: inBoth, build: true, repo: setCompat},

		"includepkgs":      {scope: inBoth, adds: true, repo: addPatterns(func(r *Repo) *[]string { return &r.IncludePkgs })},
		"excludepkgs":      {scope: inBoth, adds: true, repo: addPatterns(func(r *Repo) *[]string { return &r.ExcludePkgs })},
		"exclude":          {scope: inBoth, adds: true, repo: addPatterns(func(r *Repo) *[]string { return &r.ExcludePkgs })},
		"disable_excludes": {scope: inMain, main: func(m *Main, v string) error { m.DisableExcludes = parseList(v); return nil }},
		"keep":             {scope: inBoth, repo: setKeep},
		"min_buildtime":    {scope: inBoth, repo: func(r *Repo, v string) (err error) { r.MinBuildTime, err = ParseDate(v); return err }},

		"archlist": {scope: inBoth, repo: func(r *Repo, v string) error { r.Arches = parseList(v); return nil }},
	}
}

// refusals are the keys whose silence would be dangerous: who sets them expects
// that something is checked, left out or limited.
func refusals() map[string]key {
	all := map[string]key{}
	unless := func(neutral func(string) bool, what string, names ...string) {
		for _, name := range names {
			all[name] = key{scope: inBoth, refuse: func(v string) error {
				if neutral(v) {
					return nil
				}
				return fmt.Errorf("%s is not supported yet: take the key out, or leave the repository out with enabled = 0", what)
			}}
		}
	}
	unless(empty, "a key that vouches for keys", "gpgcakey")
	unless(isBool(false), "asking the DNS for keys", "gpgkey_dns_verification")
	return all
}

func empty(v string) bool { return v == "" }

func isBool(want bool) func(string) bool {
	return func(v string) bool {
		b, err := parseBool(v)
		return err == nil && b == want
	}
}

// Hints: known from dnf.conf(5), yum.conf(5), zypper and subscription-manager,
// without a meaning for a mirror.
const (
	hintsRepo = `
		autorefresh cost enabled_metadata failovermethod keeppackages mediaid
		mirrorlist_expire priority report_instanceid repo_id
		service type ui_repoid_vars`
	hintsBoth = `
		cachedir countme deltarpm deltarpm_metadata_percentage
		deltarpm_percentage enablegroups fastestmirror_enabled http_caching keepalive
		keepcache mdpolicy metadata_expire metadata_expire_filter
		protected_packages`
	hintsMain = `
		allow_downgrade allow_vendor_change alwaysprompt assumeno assumeyes async
		autocheck_running_kernel autosavets best bugtracker_url build_cache
		cacheonly
		check_config_file_age clean_requirements_on_remove color
		color_list_available_downgrade color_list_available_install
		color_list_available_reinstall color_list_available_upgrade
		color_list_installed_extra color_list_installed_newer
		color_list_installed_older color_list_installed_reinstall
		color_search_match color_update_installed color_update_local
		color_update_remote commands comment config_file_path
		debug_solver debugdir debuglevel defaultyes depsolve_loop_limit destdir
		diskspacecheck distroverpkg
		enable_group_conditionals errorlevel exactarch exclude_from_weak
		exclude_from_weak_autodetect excludeenvs excludegroups exit_on_lock
		group_command group_package_types groupremove_leaf_only history_list_view
		history_record history_record_packages ignorearch install_weak_deps
		installonly_limit installonlypkgs installroot kernelpkgnames
		localpkg_gpgcheck log_compress log_rotate log_size logdir logfile
		logfilelevel metadata_timer_sync module_obsoletes module_platform_id
		module_stream_switch multilib_policy obsoletes optional_metadata_types overwrite_groups
		persistdir pkgpolicy pluginconfpath pluginpath plugins
		protect_running_kernel protected_multilib recent
		recheck_installed_requires remove_leaf_only repopkgsremove_leaf_only
		reset_nice rpm_check_debug rpmverbosity shell_exit_status
		showdupesfromrepos skip_broken skip_missing_names_on_install
		skip_missing_names_on_update skip_unavailable
		ssl_check_cert_permissions strict
		syslog_device syslog_facility syslog_ident system_cachedir
		system_state_dir
		tolerant transaction_history_dir transformdb tsflags upgrade_group_objects_upgrade
		upgrade_requirements_on_install use_host_config usr_w_check zchunk`
)
