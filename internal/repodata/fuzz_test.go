package repodata

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/testrepo/rawrpm"
)

// FuzzReadPrimary: whatever is in a file, reading it ends, with an error unless
// it is whole; and what is found fit to be copied is well formed.
func FuzzReadPrimary(f *testing.F) {
	f.Add([]byte(smallPrimary(f)))
	f.Add([]byte("<metadata>" + wholeRef + "</metadata>"))
	for _, s := range []string{
		`<metadata packages="0"/>`, `<metadata><package a="/>" b='>"'>x</package></metadata>`,
		`<!-- <x> --><metadata><package><!-- </package> -->x</package></metadata><!-- end -->`, `<metadata><package><![CDATA[</package>]]>x</package></metadata>`,
		"\xef\xbb\xbf<?xml version='1.0'?><metadata><package/></metadata>", `<metadata>` + `<package><a b="&#xFC;">&amp;</a></package></metadata>`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var good [][]byte
		err := ReadPrimary(bytes.NewReader(data), func(ref rpmpkg.Ref, element []byte) error {
			if ref.Name == "" || ref.Location == "" || ref.Checksum.Hex == "" || ref.Size < 0 {
				t.Errorf("%+v", ref)
			}
			if (&tokens{b: element}).check() == nil {
				good = append(good, bytes.Clone(element))
			}
			return nil
		}, func(error) error { return nil })
		if errors.Is(err, io.EOF) {
			t.Error("io.EOF is not an error to return")
		}
		for _, element := range good {
			whole := Primary.header() + `1">` + string(element) + Primary.footer()
			if err := wellFormed(whole); err != nil {
				t.Errorf("%q: %v", element, err)
			}
		}
	})
}

// wellFormed asks encoding/xml, which is strict in most things.
func wellFormed(s string) error {
	d := xml.NewDecoder(bytes.NewReader([]byte(s)))
	for {
		if _, err := d.Token(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// FuzzParseRepomd: what was read can be written, and reads the same again.
func FuzzParseRepomd(f *testing.F) {
	f.Add([]byte(wholeRepomd))
	f.Add([]byte(`<repomd><data type="primary"><checksum type="md5">d41d8cd98f00b204e9800998ecf8427e</checksum><location href="&#x2F;p"/></data></repomd>`))
	f.Add([]byte("<html><body>502</body></html>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseRepomd(data)
		if err != nil {
			if errors.Is(err, io.EOF) {
				t.Error("io.EOF is not an error to return")
			}
			return
		}
		written := m.Append(nil)
		require.NoError(t, wellFormed(string(written)))
		again, err := ParseRepomd(written)
		require.NoError(t, err, "%s", written)
		require.Equal(t, m, again)
	})
}

// FuzzEscape: any bytes can be written, and read again by us and by others.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"plain", "a<b>&\"c\"", "Gr\xfc\xdfe", "Größe", "a\x01\x1f\x7f", "\ufffe", "\r\n\t ", "]]>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, droppedText := appendEscaped(nil, s, &textEscapes)
		attribute, droppedAttribute := appendEscaped(nil, s, &attributeEscapes)
		require.Equal(t, droppedText, droppedAttribute)
		element := []byte(`<a b="` + string(attribute) + `">` + string(text) + `</a>`)
		require.NoError(t, (&tokens{b: element}).check())
		require.NoError(t, wellFormed(string(element)))
		fromText, err := unescape(text)
		require.NoError(t, err)
		fromAttribute, err := unescape(attribute)
		require.NoError(t, err)
		require.Equal(t, fromText, fromAttribute)
	})
}

// FuzzOldGeneration: whatever the earlier primary, filelists and other are, the
// new ones list the packages that there are, and are well formed.
func FuzzOldGeneration(f *testing.F) {
	dir := f.TempDir()
	for _, name := range []string{"a", "b"} {
		addFile(f, dir, name+".rpm", rawrpm.Package(name, rawrpm.Files(rawrpm.Entry{Dir: "/usr/bin/", Base: name})...))
	}
	// Those that can be used again are not read.
	first := build1(f, Options{Dir: dir})
	whole := [len(kinds)]string{}
	for _, k := range kinds {
		whole[k] = first.xml(f, k)
	}
	add := func(old [len(kinds)]string) { f.Add([]byte(old[Primary]), []byte(old[Filelists]), []byte(old[Other])) }
	add(whole)
	for _, k := range kinds {
		for _, r := range [][2]string{
			{`</package>`, ``},
			{`<package `, `<package/><package `},
			{`pkgid="`, `pkgid="0`},
			{`<version `, `<!--<package--><version `},
			{`packages="2"`, `packages="0"`},
			{`ver="1"`, `ver="&#x31;"`},
			{`<version `, `<![CDATA[</package>]]><version `},
		} {
			old := whole
			old[k] = strings.Replace(old[k], r[0], r[1], 1)
			add(old)
		}
	}
	f.Fuzz(func(t *testing.T, primary, filelists, other []byte) {
		files := map[string][]byte{}
		m := &Repomd{}
		for i, data := range [][]byte{primary, filelists, other} {
			rec := recordOf(data)
			rec.Type, rec.Location = kinds[i].String(), "repodata/"+kinds[i].String()
			files[rec.Type] = data
			m.Records = append(m.Records, rec)
		}
		old := &OldMetadata{Name: "old", Repomd: m, Open: func(rec Record) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(files[rec.Type])), nil
		}}
		b, err := tryBuild(t, Options{Dir: dir, Old: []*OldMetadata{old}, Workers: 1})
		require.NoError(t, err)
		require.Empty(t, b.bad)
		require.Equal(t, []string{"a.rpm", "b.rpm"}, b.Locations)
		for _, k := range kinds {
			text := b.xml(t, k)
			require.NoError(t, wellFormed(text))
			require.Equal(t, 2, strings.Count(text, "\n<package "), text)
		}
	})
}
