package store

import (
	"encoding/binary"
	"math"
	"strings"

	"motcua/crypto/digest"
)

// table is the first byte of every key. Append only; a number is never used again.
type table byte

// The tables. "‖" joins; numbers are 8 bytes big-endian; text ends with a zero byte when something follows it; a
// "late" number is stored as its complement, so that a forward scan meets the newest first.
const (
	tEvent      table = 0x01 // chain ‖ seq → record: the chains, own and copied
	tHead       table = 0x02 // chain → Head
	tFork       table = 0x03 // chain ‖ seq ‖ event id → record: evidence beside the event in tEvent
	tRow        table = 0x04 // chain → Row
	tRowBucket  table = 0x05 // bucket ‖ due ‖ chain: index
	tRowCode    table = 0x06 // code → chain: codes and submission codes, never given twice
	tRowAccount table = 0x07 // account ‖ late updated ‖ chain: index
	tRowNewest  table = 0x08 // late updated ‖ chain: index
	tRowTerm    table = 0x09 // term ‖ late updated ‖ chain: index
	tSubmission table = 0x0a // id → record
	tRequest    table = 0x0b // child chain → bytes of a request not yet taken in hand
	tLook       table = 0x0c // chain ‖ late at ‖ account → Look
	tRowAlias   table = 0x0d // submission code ‖ chain: of further chains than that in tRowCode

	tParcel      table = 0x10 // parcel id → record of the manifest
	tOutgoing    table = 0x11 // parcel id → Outgoing
	tWaiting     table = 0x12 // to ‖ created ‖ parcel id: index
	tSettlement  table = 0x13 // parcel id → record of the receipt we were given
	tReceipt     table = 0x14 // parcel id → record of the receipt we gave
	tReceiptTo   table = 0x15 // name ‖ late at ‖ parcel id: index
	tTrack       table = 0x16 // code → trackRow
	tTrackWaits  table = 0x17 // code: index
	tDraft       table = 0x20 // draft id → Draft
	tDraftOwner  table = 0x21 // account ‖ late updated ‖ draft id: index
	tOnce        table = 0x22 // token → answer
	tCounter     table = 0x23 // office ‖ day → the last number given
	tAccount     table = 0x24 // account id → accountRow
	tLogin       table = 0x25 // login → account id
	tAccountWait table = 0x26 // account id: index of provisional accounts
	tBlob        table = 0x27 // blob ‖ owner: who needs a sealed file
	tSetting     table = 0x28 // name → bytes
	tLog         table = 0x29 // → logState
	tLogLeaf     table = 0x2a // number → logLeaf
)

// key builds a key of a table.
type key []byte

func (t table) key() key               { return key{byte(t)} }
func (k key) id(d digest.Digest) key   { return append(k, d[:]...) }
func (k key) text(s string) key        { return append(append(k, clean(s)...), 0) }
func (k key) number(n uint64) key      { return binary.BigEndian.AppendUint64(k, n) }
func (k key) time(t int64) key         { return k.number(uint64(t) ^ 1<<63) } // keeps the order of negative times
func (k key) late(t int64) key         { return k.number(math.MaxUint64 - (uint64(t) ^ 1<<63)) }
func (t table) of(d digest.Digest) key { return t.key().id(d) }
func (t table) named(s string) key     { return t.key().text(s) }

// clean makes text safe inside a key: the zero byte ends it, so it may not contain one. 0xff is in no text.
func clean(s string) string { return strings.ReplaceAll(s, "\x00", "\xff") }

// tail returns the digest that ends a key.
func tail(k []byte) digest.Digest {
	var d digest.Digest
	copy(d[:], k[max(0, len(k)-digest.Size):])
	return d
}

// end returns the first key after every key with the prefix.
func end(prefix []byte) []byte {
	e := append([]byte(nil), prefix...)
	for i := len(e) - 1; i >= 0; i-- {
		if e[i]++; e[i] != 0 {
			return e[:i+1]
		}
	}
	return nil
}
