package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"strconv"
	"time"

	"github.com/hashicorp/memberlist"
)

func init() {
	modes["node"] = node
}

// As much metadata as the original announces, and no traffic of its own.
type nodeMeta struct{}

func (nodeMeta) NodeMeta(limit int) []byte       { return make([]byte, 124) }
func (nodeMeta) NotifyMsg([]byte)                {}
func (nodeMeta) GetBroadcasts(int, int) [][]byte { return nil }
func (nodeMeta) LocalState(bool) []byte          { return nil }
func (nodeMeta) MergeRemoteState([]byte, bool)   {}

// One of three members, for ever, which says when it sees them all: NAME
// ADDRESS PORT KEY [JOIN...].
func node(args []string) error {
	if len(args) < 4 {
		return fmt.Errorf("node NAME ADDRESS PORT KEY [JOIN...]")
	}
	key, err := base64.StdEncoding.DecodeString(args[3])
	if err != nil {
		return err
	}
	c := memberlist.DefaultWANConfig()
	c.Name, c.BindAddr, c.SecretKey = args[0], args[1], key
	if c.BindPort, err = strconv.Atoi(args[2]); err != nil {
		return err
	}
	c.AdvertisePort = c.BindPort
	c.Delegate = nodeMeta{}
	c.Logger = log.New(io.Discard, "", 0)
	m, err := memberlist.Create(c)
	if err != nil {
		return err
	}
	if len(args) > 4 {
		if _, err = m.Join(args[4:]); err != nil {
			return err
		}
	}
	for m.NumMembers() < 3 {
		time.Sleep(100 * time.Millisecond)
	}
	fmt.Println("complete")
	select {}
}
