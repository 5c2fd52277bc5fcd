// Package modulemd reads modules.yaml, the metadata that groups packages into
// module streams.
//
// The file is a sequence of YAML documents. Each says in "document" and
// "version" what it is:
//
//   - modulemd, 1 and 2: one stream, that is one build of a module. data has
//     name, stream, version (a number, the newest is the highest), context,
//     arch, and artifacts.rpms: the packages of the build, each as
//     name-epoch:version-release.arch. "modulemd-stream" is another spelling.
//   - modulemd-packager, 1 to 3: what a packager writes to have streams built.
//     It is not in repositories, and names no packages.
//   - modulemd-defaults: which stream of a module, and which profiles of each, are
//     installed where nobody chooses.
//   - modulemd-obsoletes: that a stream, or a context of it, is out of support.
//   - modulemd-translations: names no packages either.
//
// Numbers are text here: a stream 1.10 is not 1.1, a context 00000001 is not 1.
package modulemd
