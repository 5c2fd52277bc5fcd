package rpmpkg

// Ref is what primary metadata says of one package file: enough to choose it,
// fetch it, verify it and recognise it on disk.
type Ref struct {
	NEVRA
	// Checksum is that of the whole file: the pkgid.
	Checksum Checksum
	// Size is the file's length in bytes (size/@package).
	Size int64
	// FileTime and BuildTime are Unix times in seconds (time/@file, time/@build).
	FileTime  int64
	BuildTime int64
	// Location is location/@href: the path below the repository, or below Base.
	// It is raw, as metadata has it, never percent-encoded.
	Location string
	// Base is location/@xml:base, "" for the repository's own URL.
	Base string
}
