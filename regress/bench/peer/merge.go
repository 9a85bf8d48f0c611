package main

import (
	"bufio"
	"fmt"
	"io/ioutil"
	"os"

	"github.com/hashicorp/memberlist"
)

func init() { modes["merge"] = merge }

// The metadata of every member in the benchmark.
type mergeMeta struct{}

func (mergeMeta) NodeMeta(limit int) []byte                  { return make([]byte, 124) }
func (mergeMeta) NotifyMsg([]byte)                           {}
func (mergeMeta) GetBroadcasts(overhead, limit int) [][]byte { return nil }
func (mergeMeta) LocalState(join bool) []byte                { return nil }
func (mergeMeta) MergeRemoteState(buf []byte, join bool)     {}

// merge: a member that regress/bench/merge.c sends states to. Each line on
// standard input asks how many members it knows, its end ends it.
func merge(args []string) error {
	c := memberlist.DefaultWANConfig()
	c.Name = "target"
	c.BindAddr = "127.0.0.1"
	c.BindPort = 7946
	c.AdvertisePort = 7946
	// The same as in merge.c.
	c.SecretKey = append([]byte("a key for the benchmark, public"), 0)
	c.Delegate = mergeMeta{}
	c.LogOutput = ioutil.Discard
	m, err := memberlist.Create(c)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(m.NumMembers())
	}
	return nil
}
