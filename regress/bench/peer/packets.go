// packets BIND ADDR PORT: one member of memberlist for floods of packets, until the
// end of standard input. Prints `pid N` when it is ready.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"

	"github.com/hashicorp/memberlist"
)

func init() { modes["packets"] = packets }

type onlyMeta []byte

func (m onlyMeta) NodeMeta(int) []byte             { return m }
func (m onlyMeta) NotifyMsg([]byte)                {}
func (m onlyMeta) GetBroadcasts(int, int) [][]byte { return nil }
func (m onlyMeta) LocalState(bool) []byte          { return nil }
func (m onlyMeta) MergeRemoteState([]byte, bool)   {}

func packets(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: packets BIND ADDR PORT")
	}
	port, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	c := memberlist.DefaultWANConfig()
	c.Name = "theirs"
	c.BindAddr, c.AdvertiseAddr = args[0], args[1]
	c.BindPort, c.AdvertisePort = port, port
	// The test's key, as in gossip.c and packets.c.
	c.SecretKey = bytes.Repeat([]byte("k"), 32)
	c.Delegate = onlyMeta(make([]byte, 124))
	c.Logger = log.New(io.Discard, "", 0)
	if _, err := memberlist.Create(c); err != nil {
		return err
	}
	fmt.Printf("pid %d\n", os.Getpid())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
