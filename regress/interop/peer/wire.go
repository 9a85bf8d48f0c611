// The peer's other half, -wire: no member, but a sender of single messages
// that holds the key, for what the library would never say. It answers every
// ping, whoever it is for, so that a crowd of made-up members lives on it.
//
// Commands, TO being an address:
//
//	alive TO NAME ADDR INCARNATION VSN      VSN in hex, or - for none at all
//	suspect|dead TO NAME INCARNATION FROM
//	indirect TO SEQNO ADDR NAME yes|no      a nack is wanted, or not
//	state TO [NAME,ADDR,INCARNATION,VSN]... an exchange: these and ourselves
//	crowd TO N                              an exchange: N members of 10.99/16
//
// Lines: "sent", "ack|nack SEQNO MILLISECONDS" since the request, and for an
// exchange "entry NAME VSN" for each of the answer and "answered N", or
// "refused WHY".
package main

import (
	"bufio"
	"bytes"
	"compress/lzw"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-msgpack/codec"
)

const (
	pingMsg = iota
	indirectPingMsg
	ackMsg
	suspectMsg
	aliveMsg
	deadMsg
	pushPullMsg
	compoundMsg
	_
	compressMsg
	encryptMsg
	nackMsg
	crcMsg
	errMsg
)

type pingBody struct {
	SeqNo      uint32
	Node       string
	SourceAddr []byte
	SourcePort uint16
}

type indirectBody struct {
	SeqNo  uint32
	Target []byte
	Port   uint16
	Node   string
	Nack   bool
}

type ackBody struct{ SeqNo uint32 }

type accuseBody struct {
	Incarnation uint32
	Node, From  string
}

type aliveBody struct {
	Incarnation uint32
	Node        string
	Addr        []byte
	Port        uint16
	Meta        []byte
	Vsn         []byte `codec:",omitempty"`
}

type stateHead struct {
	Nodes, UserStateLen int
	Join                bool
}

type stateNode struct {
	Name        string
	Addr        []byte
	Port        uint16
	Meta        []byte
	Incarnation uint32
	State       int
	Vsn         []byte `codec:",omitempty"`
}

var usual = []byte{1, 5, 2, 0, 0, 0}

type wire struct {
	gcm  cipher.AEAD
	conn *net.UDPConn
	sync.Mutex
	asked map[uint32]time.Time // indirect pings, by SeqNo
}

func pack(kind byte, body interface{}) []byte {
	b := bytes.NewBuffer([]byte{kind})
	if err := codec.NewEncoder(b, &codec.MsgpackHandle{}).Encode(body); err != nil {
		log.Fatal(err)
	}
	return b.Bytes()
}

func unpack(b []byte, body interface{}) error {
	return codec.NewDecoder(bytes.NewReader(b),
		&codec.MsgpackHandle{}).Decode(body)
}

func (w *wire) seal(plain, aad []byte) []byte {
	b := make([]byte, 13, 64+len(plain))
	b[0] = 1
	rand.Read(b[1:])
	return w.gcm.Seal(b, b[1:13], plain, aad)
}

func (w *wire) open(b, aad []byte) ([]byte, error) {
	if len(b) < 29 || b[0] != 1 {
		return nil, errors.New("no sealed block")
	}
	return w.gcm.Open(nil, b[1:13], b[13:], aad)
}

func address(to string) string { return net.JoinHostPort(to, strconv.Itoa(*port)) }

func (w *wire) packet(to string, plain []byte) {
	a, err := net.ResolveUDPAddr("udp", address(to))
	if err == nil {
		_, err = w.conn.WriteToUDP(w.seal(plain, nil), a)
	}
	if err != nil {
		log.Print(err)
	}
}

// ---- what comes back

func inflate(b []byte) ([]byte, error) {
	var c struct{ Buf []byte }
	if err := unpack(b, &c); err != nil {
		return nil, err
	}
	return io.ReadAll(lzw.NewReader(bytes.NewReader(c.Buf), lzw.LSB, 8))
}

func (w *wire) compound(b []byte, from *net.UDPAddr) {
	n := int(b[0])
	at := 1 + 2*n
	for i := 0; i < n && at <= len(b); i++ {
		end := at + int(binary.BigEndian.Uint16(b[1+2*i:]))
		if end > len(b) {
			return
		}
		w.message(b[at:end], from)
		at = end
	}
}

func (w *wire) message(b []byte, from *net.UDPAddr) {
	if len(b) < 2 {
		return
	}
	switch b[0] {
	case crcMsg:
		if len(b) > 5 {
			w.message(b[5:], from)
		}
	case compressMsg:
		if plain, err := inflate(b[1:]); err == nil {
			w.message(plain, from)
		}
	case compoundMsg:
		w.compound(b[1:], from)
	case pingMsg:
		var p pingBody
		if unpack(b[1:], &p) == nil {
			w.conn.WriteToUDP(w.seal(pack(ackMsg, ackBody{p.SeqNo}),
				nil), from)
		}
	case ackMsg:
		w.answer("ack", b[1:])
	case nackMsg:
		w.answer("nack", b[1:])
	}
}

func (w *wire) answer(what string, b []byte) {
	var a ackBody
	if unpack(b, &a) != nil {
		return
	}
	w.Lock()
	at, ok := w.asked[a.SeqNo]
	w.Unlock()
	if ok {
		say("%s %d %d", what, a.SeqNo, time.Since(at).Milliseconds())
	}
}

func (w *wire) listen() {
	buf := make([]byte, 65536)
	for {
		n, from, err := w.conn.ReadFromUDP(buf)
		if err != nil {
			log.Fatal(err)
		}
		if plain, err := w.open(buf[:n], nil); err == nil {
			w.message(plain, from)
		}
	}
}

// ---- exchanges

func (w *wire) converse(to string, plain []byte) ([]byte, error) {
	c, err := net.DialTimeout("tcp", address(to), 20*time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	head := []byte{encryptMsg, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[1:], uint32(len(plain)+29))
	if _, err := c.Write(append(head, w.seal(plain, head)...)); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(c, head); err != nil {
		return nil, err
	}
	block := make([]byte, binary.BigEndian.Uint32(head[1:]))
	if _, err := io.ReadFull(c, block); err != nil {
		return nil, err
	}
	if plain, err = w.open(block, head); err != nil {
		return nil, err
	}
	if plain[0] == compressMsg {
		return inflate(plain[1:])
	}
	return plain, nil
}

func (w *wire) exchange(to string, nodes []stateNode) {
	b := bytes.NewBuffer(pack(pushPullMsg, stateHead{Nodes: len(nodes), Join: true}))
	for _, n := range nodes {
		b.Write(pack(0, n)[1:])
	}
	answer, err := w.converse(to, b.Bytes())
	if err == nil && answer[0] != pushPullMsg {
		err = fmt.Errorf("a message of type %d", answer[0])
	}
	if err != nil {
		say("refused %s", err)
		return
	}
	dec := codec.NewDecoder(bytes.NewReader(answer[1:]), &codec.MsgpackHandle{})
	var head stateHead
	err = dec.Decode(&head)
	for i := 0; i < head.Nodes && err == nil; i++ {
		var n stateNode
		if err = dec.Decode(&n); err == nil && len(nodes) < 100 {
			say("entry %s %x", n.Name, n.Vsn)
		}
	}
	if err != nil {
		say("refused %s", err)
		return
	}
	say("answered %d", head.Nodes)
}

func node(name, addr, inc, vsn string) stateNode {
	return stateNode{Name: name, Addr: ip4(addr), Port: uint16(*port),
		Meta: metadata(), Incarnation: number(inc), Vsn: versions(vsn)}
}

func itself() stateNode {
	return node(*name, *bind, "1", hex.EncodeToString(usual))
}

func made(n int) []stateNode {
	nodes := []stateNode{itself()}
	for i := 1; i <= n; i++ {
		nodes = append(nodes, node(fmt.Sprintf("%s-%d", *name, i),
			fmt.Sprintf("10.99.%d.%d", i/250, 1+i%250), "1",
			hex.EncodeToString(usual)))
	}
	return nodes
}

// ---- commands

func number(s string) uint32 {
	n, err := strconv.ParseUint(s, 0, 32)
	if err != nil {
		log.Fatal(err)
	}
	return uint32(n)
}

func ip4(s string) []byte { return net.ParseIP(s).To4() }

func versions(s string) []byte {
	if s == "-" {
		return nil
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		log.Fatal(err)
	}
	return b
}

func (w *wire) command(c []string) {
	to := c[1]
	switch c[0] {
	case "alive":
		w.packet(to, pack(aliveMsg, aliveBody{Node: c[2], Addr: ip4(c[3]),
			Port: uint16(*port), Incarnation: number(c[4]),
			Meta: metadata(), Vsn: versions(c[5])}))
	case "suspect":
		w.packet(to, pack(suspectMsg, accuseBody{number(c[3]), c[2], c[4]}))
	case "dead":
		w.packet(to, pack(deadMsg, accuseBody{number(c[3]), c[2], c[4]}))
	case "indirect":
		seq := number(c[2])
		w.Lock()
		w.asked[seq] = time.Now()
		w.Unlock()
		w.packet(to, pack(indirectPingMsg, indirectBody{seq, ip4(c[3]),
			uint16(*port), c[4], c[5] == "yes"}))
	case "state":
		nodes := []stateNode{itself()}
		for _, one := range c[2:] {
			f := strings.Split(one, ",")
			nodes = append(nodes, node(f[0], f[1], f[2], f[3]))
		}
		w.exchange(to, nodes)
		return
	case "crowd":
		w.exchange(to, made(int(number(c[2]))))
		return
	default:
		log.Fatalf("no such command: %s", c[0])
	}
	say("sent")
}

func runWire() {
	k, err := base64.StdEncoding.DecodeString(*key)
	if err != nil {
		log.Fatal(err)
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		log.Fatal(err)
	}
	w := &wire{asked: make(map[uint32]time.Time)}
	if w.gcm, err = cipher.NewGCM(block); err != nil {
		log.Fatal(err)
	}
	// Any address: the crowd's are this host's too.
	w.conn, err = net.ListenUDP("udp4", &net.UDPAddr{Port: *port})
	if err != nil {
		log.Fatal(err)
	}
	go w.listen()
	say("ready %s", *name)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if c := strings.Fields(in.Text()); len(c) > 1 {
			w.command(c)
		}
	}
}
