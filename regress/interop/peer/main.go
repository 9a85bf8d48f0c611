// peer: a member as the original has it, made of hashicorp/memberlist and
// controlled by lines, so that a test can put it beside members of ours (which
// member.c drives by the same lines).
//
// Commands on standard input:
//
//	join ADDR...   push/pull with each address
//	leave          say goodbye, print "left"
//	meta HEX       announce these bytes as metadata
//	members        one line for every entry of the table, dead ones included
//	stats          the health score, how many are alive
//	portions       how many joins each full exchange brought
//	crash          end at once, without a word (so does end of input)
//
// Lines on standard output (STATE: alive, suspect, failed, left; META:
// LENGTH:FNV:KIND, where KIND is what the original would read in it):
//
//	ready NAME
//	event join|leave|update NAME ADDR ADDRLEN STATE META INCARNATION
//	member NAME ADDR ADDRLEN STATE META INCARNATION
//	members N
//	joined N [WHY]
//	stats health N alive N
//	portion MILLISECONDS N    (since the start; those that brought none are
//	portions N                 left out, and what came by gossip)
//	lockup         the handler of events and the library wait for each other
//
// With -wire it is no member at all: see wire.go.
//
// memberlist's own log goes to standard error.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"flag"
	"fmt"
	"hash/fnv"
	"log"
	"net"
	"net/netip"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/hashicorp/memberlist"
)

var (
	name     = flag.String("name", "peer", "node name")
	bind     = flag.String("bind", "0.0.0.0", "address to bind")
	port     = flag.Int("port", 7946, "port to bind and announce")
	key      = flag.String("key", "", "cluster key in base64; none: plain")
	profile  = flag.String("profile", "wan", "wan or lan")
	compress = flag.Bool("compress", true, "compress what gets smaller")
	dialect  = flag.String("meta", "v03", "metadata: v03, v02 or none")
	overlay  = flag.String("overlay", "10.0.0.1", "overlay address in it")
	original = flag.Bool("original", false, "handle events as the original")
	swarm    = flag.Int("swarm", 0, "so many more members, on the ports above")
	raw      = flag.Bool("wire", false, "send single messages, see wire.go")
)

var out sync.Mutex

func say(format string, args ...interface{}) {
	out.Lock()
	defer out.Unlock()
	fmt.Printf(format+"\n", args...)
}

// The two dialects; the type's name is part of what gob writes.
func encodeV03(addr netip.Addr, pub string) []byte {
	type nodeMeta struct {
		OverlayAddr netip.Addr
		PubKey      string
	}
	return encode(nodeMeta{addr, pub})
}

func encodeV02(addr netip.Addr, pub string) []byte {
	type nodeMeta struct {
		OverlayAddr net.IPNet
		PubKey      string
	}
	bits := addr.BitLen()
	return encode(nodeMeta{net.IPNet{IP: addr.AsSlice(),
		Mask: net.CIDRMask(bits, bits)}, pub})
}

func encode(v interface{}) []byte {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		log.Fatal(err)
	}
	return b.Bytes()
}

// What a member of either release reads in it.
func kind(meta []byte) string {
	var v03 struct {
		OverlayAddr netip.Addr
		PubKey      string
	}
	var v02 struct {
		OverlayAddr net.IPNet
		PubKey      string
	}
	if len(meta) == 0 {
		return "none"
	}
	if gob.NewDecoder(bytes.NewReader(meta)).Decode(&v03) == nil {
		return "v03"
	}
	if gob.NewDecoder(bytes.NewReader(meta)).Decode(&v02) == nil {
		return "v02"
	}
	return "bad"
}

func describe(meta []byte) string {
	h := fnv.New32a()
	h.Write(meta)
	return fmt.Sprintf("%d:%08x:%s", len(meta), h.Sum32(), kind(meta))
}

type delegate struct {
	sync.Mutex
	meta []byte
	seen portions
}

// Joins by exchange: the library asks for LocalState once in each, and merges
// what it got in a function of that name, which gossip never passes.
type portions struct {
	sync.Mutex
	list []portion
}

type portion struct {
	at time.Duration
	n  int
}

var started = time.Now()

func (p *portions) begin() {
	p.Lock()
	defer p.Unlock()
	if n := len(p.list); n > 0 && p.list[n-1].n == 0 {
		p.list = p.list[:n-1]
	}
	p.list = append(p.list, portion{at: time.Since(started)})
}

func inExchange() bool {
	pc := make([]uintptr, 16)
	frames := runtime.CallersFrames(pc[:runtime.Callers(1, pc)])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, ".mergeState") {
			return true
		}
		if !more {
			return false
		}
	}
}

func (p *portions) joined() {
	if !inExchange() {
		return
	}
	p.Lock()
	defer p.Unlock()
	if n := len(p.list); n > 0 {
		p.list[n-1].n++
	}
}

func (p *portions) print() {
	p.Lock()
	defer p.Unlock()
	n := 0
	for _, one := range p.list {
		if one.n > 0 {
			say("portion %d %d", one.at.Milliseconds(), one.n)
			n++
		}
	}
	say("portions %d", n)
}

// An event delegate that counts besides.
type counting struct {
	memberlist.EventDelegate
	p *portions
}

func (c counting) NotifyJoin(n *memberlist.Node) {
	c.p.joined()
	c.EventDelegate.NotifyJoin(n)
}

func (d *delegate) NodeMeta(limit int) []byte {
	d.Lock()
	defer d.Unlock()
	return d.meta
}
func (d *delegate) NotifyMsg([]byte)                {}
func (d *delegate) GetBroadcasts(int, int) [][]byte { return nil }
func (d *delegate) LocalState(bool) []byte {
	d.seen.begin()
	return nil
}
func (d *delegate) MergeRemoteState([]byte, bool) {}

func (d *delegate) set(m *memberlist.Memberlist, meta []byte) {
	d.Lock()
	d.meta = meta
	d.Unlock()
	if err := m.UpdateNode(10 * time.Second); err != nil {
		log.Print(err)
	}
}

// The library tells neither incarnations nor who is dead, so its table is
// read past its interface. Events come with its lock held.
type table struct {
	m *memberlist.Memberlist
}

func (t table) field(name string) reflect.Value {
	return reflect.ValueOf(t.m).Elem().FieldByName(name)
}

func (t table) lock() *sync.RWMutex {
	return (*sync.RWMutex)(unsafe.Pointer(
		t.field("nodeLock").UnsafeAddr()))
}

func line(v reflect.Value) string {
	n := v.FieldByName("Node")
	addr := net.IP(n.FieldByName("Addr").Bytes())
	state := v.FieldByName("State").Int()
	return fmt.Sprintf("%s %s %d %s %s %d", n.FieldByName("Name").String(),
		addr, len(addr), stateName(int(state)),
		describe(n.FieldByName("Meta").Bytes()),
		v.FieldByName("Incarnation").Uint())
}

func stateName(state int) string {
	names := []string{"alive", "suspect", "failed", "left"}
	if state < 0 || state >= len(names) {
		return "unknown"
	}
	return names[state]
}

func (t table) print() {
	lock := t.lock()
	lock.RLock()
	defer lock.RUnlock()
	nodes := t.field("nodeMap")
	for _, k := range nodes.MapKeys() {
		say("member %s", line(nodes.MapIndex(k).Elem()))
	}
	say("members %d", nodes.Len())
}

func (t table) alive() (n int) {
	lock := t.lock()
	lock.RLock()
	defer lock.RUnlock()
	nodes := t.field("nodeMap")
	for _, k := range nodes.MapKeys() {
		if nodes.MapIndex(k).Elem().FieldByName("State").Int() == 0 {
			n++
		}
	}
	return n
}

// Events printed as they come.
type printer struct {
	t *table
}

func (p printer) event(what string, n *memberlist.Node) {
	if p.t.m == nil { // ourselves, while the library starts
		return
	}
	v := p.t.field("nodeMap").MapIndex(reflect.ValueOf(n.Name))
	if v.IsValid() {
		say("event %s %s", what, line(v.Elem()))
	}
}
func (p printer) NotifyJoin(n *memberlist.Node)   { p.event("join", n) }
func (p printer) NotifyLeave(n *memberlist.Node)  { p.event("leave", n) }
func (p printer) NotifyUpdate(n *memberlist.Node) { p.event("update", n) }

// As the original does: a channel of 100, and a reader that at every event
// works for a while and then asks the library for its members, hence for its
// lock. With the channel full, the library waits for the reader with that lock
// held: for ever.
func likeTheOriginal(t *table) memberlist.EventDelegate {
	ch := make(chan memberlist.NodeEvent, 100)
	go func() {
		for range ch {
			time.Sleep(5 * time.Millisecond)
			if t.m != nil {
				t.m.Members()
			}
		}
	}()
	return &memberlist.ChannelEventDelegate{Ch: ch}
}

// Says "lockup" once when the library's lock is not to be had for 10 s.
func watch(t *table) {
	for {
		done := make(chan bool)
		go func() {
			t.m.NumMembers()
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			say("lockup")
			return
		}
		time.Sleep(time.Second)
	}
}

func config(name string, port int, d *delegate) *memberlist.Config {
	c := memberlist.DefaultWANConfig()
	if *profile == "lan" {
		c = memberlist.DefaultLANConfig()
	}
	c.Name = name
	c.BindAddr = *bind
	c.BindPort = port
	c.AdvertisePort = port
	c.EnableCompression = *compress
	c.Delegate = d
	if *key != "" {
		k, err := base64.StdEncoding.DecodeString(*key)
		if err != nil {
			log.Fatal(err)
		}
		c.SecretKey = k
	}
	return c
}

func command(t *table, d *delegate, words []string) {
	switch words[0] {
	case "join":
		n, err := t.m.Join(words[1:])
		why := ""
		if err != nil {
			why = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		say("joined %d %s", n, why)
	case "leave":
		if err := t.m.Leave(20 * time.Second); err != nil {
			log.Print(err)
		}
		say("left")
	case "meta":
		meta, err := hex.DecodeString(words[1])
		if err != nil {
			log.Fatal(err)
		}
		d.set(t.m, meta)
		say("announced")
	case "members":
		t.print()
	case "stats":
		say("stats health %d alive %d", t.m.GetHealthScore(), t.alive())
	case "portions":
		d.seen.print()
	case "crash":
		os.Exit(0)
	default:
		log.Fatalf("no such command: %s", words[0])
	}
}

func metadata() []byte {
	pub := make([]byte, 32)
	rand.Read(pub)
	text := base64.StdEncoding.EncodeToString(pub)
	addr := netip.MustParseAddr(*overlay)
	switch *dialect {
	case "v02":
		return encodeV02(addr, text)
	case "none":
		return nil
	}
	return encodeV03(addr, text)
}

// More members in the same process, which only hold their places.
func crowd(first *memberlist.Memberlist) {
	to := fmt.Sprintf("%s:%d", first.LocalNode().Addr, *port)
	for i := 1; i <= *swarm; i++ {
		c := config(fmt.Sprintf("%s-%d", *name, i), *port+i,
			&delegate{meta: metadata()})
		m, err := memberlist.Create(c)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := m.Join([]string{to}); err != nil {
			log.Print(err)
		}
	}
}

func main() {
	flag.Parse()
	if *hostIf != "" {
		beHost()
		return
	}
	if *raw {
		runWire()
		return
	}
	t, d := &table{}, &delegate{}
	c := config(*name, *port, d)
	if *original {
		c.Events = likeTheOriginal(t)
	} else {
		c.Events = printer{t}
	}
	c.Events = counting{c.Events, &d.seen}
	m, err := memberlist.Create(c)
	if err != nil {
		log.Fatal(err)
	}
	t.m = m
	// As the original: first without metadata, then again with it.
	d.set(m, metadata())
	crowd(m)
	go watch(t)
	say("ready %s", *name)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if words := strings.Fields(in.Text()); len(words) > 0 {
			command(t, d, words)
		}
	}
}
