// Package catalog is what people look things up in: an index of one published
// generation, on disk, made from its metadata, and thrown away whenever there
// is a newer one.
//
// A catalog answers lists, searches and package pages of a repository of a
// hundred thousand packages in milliseconds and keeps next to nothing in memory.
// What is long and rarely asked for (file lists, changelogs) stays compressed
// until it is.
package catalog
