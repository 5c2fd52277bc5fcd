// Package updateinfo reads updateinfo.xml, the advisories of a repository, and
// cuts it down to the packages that are there.
//
// The file is <updates> with an <update> for each advisory: <id>, <title>,
// <severity> and more, <references> to bugs and CVEs, and a <pkglist> with a
// <collection> for each product or module, whose <package> elements say with the
// attributes name, epoch, version, release and arch which package brings the
// correction.
//
// It is read as a stream: one advisory is in memory at a time, and what is not
// changed is copied as text. Only UTF-8 is read.
package updateinfo
