// Package repodata reads and writes the metadata of yum and dnf repositories:
// repomd.xml and the files that it names, and builds it from packages.
//
// The formats have no specification; createrepo_c is the reference, and what
// is written here is what it writes. primary, filelists and other hold one
// <package> element a package, in one order, so that they can be read side by
// side. All of them are streams here: memory grows with the largest package,
// not with the file.
package repodata
