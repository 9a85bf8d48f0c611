// A whole host of the original, with -host INTERFACE: the member, the
// WireGuard interface, the routes, the hosts lines and the state file, each
// handled as the original does it, faults included. Made with ip(8) and wg(8).
//
//   - a new WireGuard key at every start
//   - every event of the membership: state and hosts lines written anew, the
//     whole interface programmed anew, which ends every tunnel's session
//   - a route is added for each member, and never removed
//   - SIGTERM and SIGINT: says goodbye, removes interface and hosts lines;
//     before the first join has succeeded they end it and remove nothing
//   - no -key, no -join: both come from the state file
//
// The metadata's dialect decides about the generation: v0.3 or before.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"log"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/memberlist"
)

const stateDir = "/var/lib/wesher"

var (
	hostIf  = flag.String("host", "", "be a host, with this interface")
	network = flag.String("overlay-net", "10.0.0.0/8", "a host's network")
	seeds   = flag.String("join", "", "a host joins these, comma separated")
	wgPort  = flag.Int("wireguard-port", 51820, "a host's WireGuard port")
)

type otherHost struct {
	name, addr, pub string
	overlay         netip.Addr
	meta            []byte
}

type host struct {
	state   string // its path
	mark    string // behind a hosts line
	old     bool   // the generation before v0.3
	key     []byte // the cluster's
	private string
	overlay netip.Addr
	known   []otherHost
	m       *memberlist.Memberlist
}

// Files of both generations: OverlayAddr is a text, or IP and mask.
type savedNode struct {
	Name, Addr  string
	Meta        []byte
	OverlayAddr interface{}
	PubKey      string
}

type savedState struct {
	ClusterKey []byte
	Nodes      []savedNode
}

func run(input string, words ...string) string {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdin = strings.NewReader(input)
	text, err := cmd.CombinedOutput()
	if err != nil {
		log.Printf("%s: %v: %s", strings.Join(words, " "), err, text)
	}
	return strings.TrimSpace(string(text))
}

// The last bits of the name's hash in the network's place for them.
func deriveOverlay(name string) netip.Addr {
	prefix := netip.MustParsePrefix(*network)
	h := fnv.New128a()
	h.Write([]byte(name))
	sum := h.Sum(nil)
	addr := prefix.Masked().Addr().AsSlice()
	from := prefix.Bits() / 8
	copy(addr[from:], sum[len(sum)-len(addr)+from:])
	overlay, _ := netip.AddrFromSlice(addr)
	return overlay
}

func (h *host) load() []string {
	var st savedState
	var known []string
	text, err := os.ReadFile(h.state)
	if err != nil {
		return nil
	}
	if err := json.Unmarshal(text, &st); err != nil {
		log.Fatalf("%s: %v", h.state, err)
	}
	h.key = st.ClusterKey
	for _, n := range st.Nodes {
		known = append(known, n.Addr)
	}
	return known
}

func (h *host) save() {
	st := savedState{ClusterKey: h.key}
	for _, o := range h.known {
		n := savedNode{o.name, o.addr, o.meta, o.overlay, o.pub}
		if h.old {
			n.OverlayAddr = net.IPNet{IP: o.overlay.AsSlice(),
				Mask: net.CIDRMask(o.overlay.BitLen(),
					o.overlay.BitLen())}
		}
		st.Nodes = append(st.Nodes, n)
	}
	text, _ := json.MarshalIndent(st, "", "  ")
	os.MkdirAll(stateDir, 0700)
	if err := os.WriteFile(h.state, text, 0600); err != nil {
		log.Print(err)
	}
}

// What this generation reads in another's metadata.
func (h *host) read(meta []byte) (overlay netip.Addr, pub string, ok bool) {
	in := gob.NewDecoder(bytes.NewReader(meta))
	if h.old {
		var m struct {
			OverlayAddr net.IPNet
			PubKey      string
		}
		err := in.Decode(&m)
		overlay, ok = netip.AddrFromSlice(m.OverlayAddr.IP)
		return overlay.Unmap(), m.PubKey, ok && err == nil
	}
	var m struct {
		OverlayAddr netip.Addr
		PubKey      string
	}
	err := in.Decode(&m)
	return m.OverlayAddr, m.PubKey, err == nil
}

func (h *host) others() {
	h.known = nil
	for _, n := range h.m.Members() {
		if n.Name == *name {
			continue
		}
		o := otherHost{name: n.Name, addr: n.Addr.String(), meta: n.Meta}
		var ok bool
		if o.overlay, o.pub, ok = h.read(n.Meta); !ok {
			log.Printf("%s: metadata not understood", n.Name)
			continue
		}
		h.known = append(h.known, o)
	}
}

func (h *host) writeHosts(known []otherHost) {
	text, err := os.ReadFile("/etc/hosts")
	if err != nil {
		log.Print(err)
		return
	}
	var b strings.Builder
	for _, line := range strings.SplitAfter(string(text), "\n") {
		if !strings.HasSuffix(strings.TrimSpace(line), h.mark) {
			b.WriteString(line)
		}
	}
	for _, o := range known {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", o.overlay, o.name, h.mark)
	}
	if err := os.WriteFile("/etc/hosts", []byte(b.String()), 0644); err != nil {
		log.Print(err)
	}
}

// An interface that is there is taken as it is.
func (h *host) makeLink() {
	if _, err := net.InterfaceByName(*hostIf); err == nil {
		return
	}
	add := exec.Command("ip", "link", "add", *hostIf, "type", "wireguard")
	if add.Run() == nil {
		return
	}
	// This kernel has none. One that has just ended may still be in the way.
	for i := 0; i < 20; i++ {
		run("", "wireguard-go", *hostIf)
		if _, err := net.InterfaceByName(*hostIf); err == nil {
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
}

func (h *host) configure() {
	var b strings.Builder
	fmt.Fprintf(&b, "[Interface]\nPrivateKey = %s\nListenPort = %d\n",
		h.private, *wgPort)
	for _, o := range h.known {
		fmt.Fprintf(&b, "[Peer]\nPublicKey = %s\nAllowedIPs = %s\n"+
			"Endpoint = %s\n", o.pub, o.overlay,
			net.JoinHostPort(o.addr, fmt.Sprint(*wgPort)))
	}
	run(b.String(), "wg", "setconf", *hostIf, "/dev/fd/0")
	run("", "ip", "address", "replace", h.overlay.String(), "dev", *hostIf)
	run("", "ip", "link", "set", *hostIf, "mtu", "1420", "up")
	for _, o := range h.known {
		run("", "ip", "route", "replace", o.overlay.String(), "dev",
			*hostIf, "scope", "link")
	}
}

func (h *host) follow(events <-chan memberlist.NodeEvent) {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	for {
		select {
		case ev := <-events:
			if ev.Node.Name == *name {
				continue
			}
			h.others()
			h.save()
			h.makeLink()
			h.configure()
			h.writeHosts(h.known)
			log.Printf("programmed, %d others", len(h.known))
		case <-end:
			if err := h.m.Leave(10 * time.Second); err != nil {
				log.Print(err)
			}
			h.m.Shutdown()
			run("", "ip", "link", "del", *hostIf)
			h.writeHosts(nil)
			return
		}
	}
}

func (h *host) join(known []string) {
	if *seeds != "" {
		known = strings.Split(*seeds, ",")
	}
	for len(known) > 0 {
		if _, err := h.m.Join(known); err == nil {
			return
		} else {
			log.Print(err)
		}
		time.Sleep(time.Second)
	}
}

func beHost() {
	h := &host{old: *dialect == "v02"}
	*name, _ = os.Hostname()
	h.state = stateDir + "/" + *hostIf + ".json"
	h.mark = "# ! managed automatically by wesher interface " + *hostIf
	if h.old {
		h.state = stateDir + "/state.json"
		h.mark = "# ! MANAGED AUTOMATICALLY !"
	}
	h.overlay = deriveOverlay(*name)
	h.private = run("", "wg", "genkey")
	pub := run(h.private, "wg", "pubkey")
	known := h.load()
	if *key == "" {
		*key = base64.StdEncoding.EncodeToString(h.key)
	}
	d := &delegate{}
	c := config(*name, *port, d)
	h.key = c.SecretKey
	events := make(chan memberlist.NodeEvent, 100)
	c.Events = &memberlist.ChannelEventDelegate{Ch: events}
	m, err := memberlist.Create(c)
	if err != nil {
		log.Fatal(err)
	}
	h.m = m
	h.join(known)
	meta := encodeV03(h.overlay, pub)
	if h.old {
		meta = encodeV02(h.overlay, pub)
	}
	d.set(m, meta)
	h.follow(events)
}
