// Checks exports of tlog-tiles with golang.org/x/mod/sumdb, which knows nothing of gauze. Arguments: the key of the log,
// then the folder of the export and the name of the signed log in it. Every leaf is read through the tiles, which the
// reader checks against the root, and compared with the entry that the bundles hold. It writes one JSON object: what it
// believes of each log, or why it does not.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type result struct {
	Origin  string
	Size    int64
	Root    tlog.Hash
	Entries [][]byte
	Problem string
}

// Tiles of height 8 in a folder; tlog-tiles has no height in the path.
type folder string

func (folder) Height() int                         { return 8 }
func (folder) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(f), strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func main() {
	key, export, signed := os.Args[1], os.Args[2], os.Args[3]
	results := map[string]result{}
	found, err := os.ReadDir(export)
	must(err)
	for _, each := range found {
		if !each.IsDir() {
			continue
		}
		dir := filepath.Join(export, each.Name())
		r, err := check(key, dir, each.Name() == signed)
		if err != nil {
			r.Problem = err.Error()
		}
		results[each.Name()] = r
	}
	must(json.NewEncoder(os.Stdout).Encode(results))
}

func check(key, dir string, isSigned bool) (result, error) {
	var r result
	var err error
	if isSigned {
		r, err = signedHead(key, dir)
	} else {
		r, err = provenHead(key, dir)
	}
	if err != nil {
		return r, err
	}
	if r.Size == 0 {
		if r.Root != sha256.Sum256(nil) {
			err = errors.New("not the root of nothing")
		}
		return r, err
	}
	reader := tlog.TileHashReader(tlog.Tree{N: r.Size, Hash: r.Root}, folder(dir))
	var indexes []int64
	for i := int64(0); i < r.Size; i++ {
		indexes = append(indexes, tlog.StoredHashIndex(0, i))
	}
	leaves, err := reader.ReadHashes(indexes)
	if err != nil {
		return r, err
	}
	r.Entries, err = entries(dir, r.Size)
	if err != nil {
		return r, err
	}
	for i, leaf := range leaves {
		if tlog.RecordHash(r.Entries[i]) != leaf {
			return r, fmt.Errorf("entry %d is not the leaf", i)
		}
	}
	return r, nil
}

func signedHead(key, dir string) (result, error) {
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return result{}, err
	}
	return openNote(key, text)
}

func openNote(key string, text []byte) (result, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return result{}, err
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return result{}, err
	}
	return parseHead(opened.Text)
}

func parseHead(text string) (result, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return result{}, errors.New("no head of three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return result{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return result{Origin: lines[0], Size: size, Root: root}, err
}

// The head of a partition: it is believed where the seal that names its root stands in the signed log.
func provenHead(key, dir string) (result, error) {
	text, err := os.ReadFile(filepath.Join(dir, "head"))
	if err != nil {
		return result{}, err
	}
	r, err := parseHead(string(text))
	if err != nil {
		return r, err
	}
	proof, err := os.ReadFile(filepath.Join(dir, "head.tlog-proof"))
	if err != nil {
		return r, err
	}
	top, checkpoint, _ := bytes.Cut(proof, []byte("\n\n"))
	lines := strings.Split(string(top), "\n")
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return r, err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return r, err
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return r, err
		}
		path = append(path, hash)
	}
	_, sealLine, _ := strings.Cut(string(extra), "\nseal ")
	seal, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(sealLine, "\n"))
	if err != nil {
		return r, err
	}
	log, err := openNote(key, checkpoint)
	if err != nil {
		return r, err
	}
	if err := tlog.CheckRecord(path, log.Size, log.Root, index, tlog.RecordHash(seal)); err != nil {
		return r, err
	}
	// Avro writes 32 bytes as they are.
	if !bytes.Contains(seal, r.Root[:]) {
		return r, errors.New("the seal does not name this root")
	}
	return r, nil
}

func entries(dir string, size int64) ([][]byte, error) {
	var all [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := min(256, size-n*256)
		// The path of a bundle is that of the tile of hashes with another word in it.
		tile := tlog.Tile{H: 8, L: 0, N: n, W: int(width)}
		data, err := os.ReadFile(filepath.Join(dir, strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)))
		if err != nil {
			return nil, err
		}
		for i := int64(0); i < width; i++ {
			length := int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:2+length])
			data = data[2+length:]
		}
		if len(data) > 0 {
			return nil, errors.New("a bundle is longer than its entries")
		}
	}
	return all, nil
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
