// Package health tells what state a repository of a mirror is in now: when it
// was last synced and published, whether that went well, and whether it is too
// long ago. It only reads, takes no lock and creates nothing, so that whoever may
// read the mirror may ask.
package health
