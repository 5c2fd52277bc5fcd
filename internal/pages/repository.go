package pages

import (
	"strings"

	"gorepo/internal/catalog"
)

// repoView is the page of a repository.
type repoView struct {
	*repoHead
	Problem *problem // why there is no index, nil where there is one
	Use     []usage
	Config  string
	Recent  []dayView
	List    *listView
}

// usage is a way to use a repository: what to type, and where.
type usage struct {
	Tool, For, Commands string
	Rare                bool
}

func (v *visit) repository(repo Repo) (*answer, error) {
	if v.api {
		return &answer{json: v.head(repo).api()}, nil
	}
	h := v.await(repo)
	view := &repoView{repoHead: h, Config: v.h.o.ClientConfig(v.r, repo.ID)}
	if h.catalog == nil {
		view.Problem = h.without()
	} else {
		var err error
		if view.List, err = v.listing(h); err != nil {
			return nil, err
		}
		if view.Recent, _, err = v.publications(h, catalog.PublicationOptions{Limit: pubsRecent}, changesFirst); err != nil {
			return nil, err
		}
	}
	if base, ok := v.h.o.Base(v.r); ok && view.Config != "" {
		view.Use = v.family(h, view.releases()...).first(v.usages(base, repo.ID))
	}
	return &answer{view: "repository", title: h.Title, repo: h, tab: "overview", data: view, twin: h.apiHref("")}, nil
}

// releases are those of the packages on the page.
func (view *repoView) releases() (list []string) {
	if view.List != nil {
		for _, row := range view.List.Rows {
			list = append(list, row.Release)
		}
	}
	return list
}

// usages are what makes a client of the repository, for each of its tools.
func (v *visit) usages(base, id string) []usage {
	if login, certificate := v.h.o.Wants(v.r, id); login || certificate {
		return guardedUsages(base, id, login, certificate)
	}
	file := shellWord(base + "/" + segment(id) + ".repo")
	return []usage{
		{"dnf", "Fedora up to 40, RHEL, Alma, Rocky 8 and later", "sudo dnf config-manager --add-repo " + file, false},
		{"dnf 5", "Fedora 41 and later", "sudo dnf config-manager addrepo --from-repofile=" + file, false},
		{"yum", "RHEL, CentOS 5 to 7, Amazon Linux", "sudo yum-config-manager --add-repo " + file, false},
		{"zypper", "SUSE, openSUSE", "sudo zypper addrepo " + file, false},
		{"curl", "for yum and dnf, without their plugins", "sudo curl -fo " + shellWord("/etc/yum.repos.d/"+id+".repo") + " " + file, true},
		{"Once", "look, without configuring anything", "dnf --repofrompath=" + shellWord(id+","+base+"/"+segment(id)+"/") + " --repo=" + shellWord(id) + " list --available", true},
	}
}

// guardedUsages are those of a repository that wants a login or a certificate. The
// plugins that fetch a .repo file show neither, so curl does it; and what the file
// does not have is added to it.
func guardedUsages(base, id string, login, certificate bool) []usage {
	var file, once, zypper string
	if login {
		file += " username='NAME' password='PASSWORD'"
		once += " --setopt=" + shellWord(id+".username=NAME") + " --setopt=" + shellWord(id+".password=PASSWORD")
		zypper = "credentials=" + segment(id)
	}
	if certificate {
		file += " sslclientcert=CERTIFICATE sslclientkey=KEY"
		once += " --setopt=" + shellWord(id+".sslclientcert=CERTIFICATE") + " --setopt=" + shellWord(id+".sslclientkey=KEY")
		zypper = strings.TrimPrefix(zypper+"&ssl_clientcert=CERTIFICATE&ssl_clientkey=KEY", "&")
	}
	url, path := base+"/"+segment(id)+"/", shellWord("/etc/yum.repos.d/"+id+".repo")
	yum := "sudo curl" + curlFlags(login, certificate) + " -fo " + path + " " + shellWord(base+"/"+segment(id)+".repo") + "\n" +
		`printf '%s\n'` + file + " | sudo tee -a " + path
	suse := "sudo zypper addrepo " + shellWord(url+"?"+zypper) + " " + shellWord(id)
	if login {
		suse = `printf '%s\n' username='NAME' password='PASSWORD' | sudo install -Dm600 /dev/stdin ` + shellWord("/etc/zypp/credentials.d/"+id) + "\n" + suse
	}
	return []usage{
		{"dnf and yum", "with your own words in place of those in capitals", yum, false},
		{"zypper", "SUSE, openSUSE", suse, false},
		{"Once", "look, without configuring anything", "dnf --repofrompath=" + shellWord(id+","+url) + once + " --repo=" + shellWord(id) + " list --available", true},
	}
}

// curlFlags show a login, whose password curl asks for, and a certificate.
func curlFlags(login, certificate bool) (flags string) {
	if login {
		flags = " -u NAME"
	}
	if certificate {
		flags += " --cert CERTIFICATE --key KEY"
	}
	return flags
}
