// Checks notes and Merkle proofs with golang.org/x/mod/sumdb, which knows nothing of gauze. It reads one JSON object
// of cases from standard input and writes what it makes of each; it never decides what should have come out.
package main

import (
	"encoding/json"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type record struct {
	Proof []tlog.Hash
	Size  int64
	Root  tlog.Hash
	Index int64
	Leaf  tlog.Hash
}

type tree struct {
	Proof   []tlog.Hash
	Size    int64
	Root    tlog.Hash
	OldSize int64
	OldRoot tlog.Hash
}

type input struct {
	// Notes to open with the key of the same place.
	Notes, Vkeys []string
	// A text that Go signs with this private key.
	Text, Skey string
	Records    []record
	Trees      []tree
	// Leaves of a tree whose root Go computes.
	Leaves [][]byte
}

type output struct {
	Notes          []string
	Signed         string
	Records, Trees []bool
	Root           tlog.Hash
}

func main() {
	var in input
	must(json.NewDecoder(os.Stdin).Decode(&in))
	out := output{Notes: []string{}, Records: []bool{}, Trees: []bool{}}
	for i, text := range in.Notes {
		out.Notes = append(out.Notes, open(text, in.Vkeys[i]))
	}
	for _, r := range in.Records {
		out.Records = append(out.Records, tlog.CheckRecord(r.Proof, r.Size, r.Root, r.Index, r.Leaf) == nil)
	}
	for _, t := range in.Trees {
		out.Trees = append(out.Trees, tlog.CheckTree(t.Proof, t.Size, t.Root, t.OldSize, t.OldRoot) == nil)
	}
	out.Signed = sign(in.Text, in.Skey)
	out.Root = root(in.Leaves)
	must(json.NewEncoder(os.Stdout).Encode(out))
}

// The text of the note, or nothing where Go refuses it.
func open(text, vkey string) string {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return ""
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return ""
	}
	return opened.Text
}

func sign(text, skey string) string {
	signer, err := note.NewSigner(skey)
	must(err)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err)
	return string(signed)
}

func root(leaves [][]byte) tlog.Hash {
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, 0, len(indexes))
		for _, index := range indexes {
			found = append(found, hashes[index])
		}
		return found, nil
	})
	for i, leaf := range leaves {
		stored, err := tlog.StoredHashes(int64(i), leaf, reader)
		must(err)
		hashes = append(hashes, stored...)
	}
	hash, err := tlog.TreeHash(int64(len(leaves)), reader)
	must(err)
	return hash
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
