package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"

	"github.com/hashicorp/memberlist"
)

func init() { modes["members"] = members }

// members ADDR: a member at ADDR, port 7946, whose memory is looked at. Prints
// `pid N`. Each line on standard input asks for a collection, which is answered
// by a line; its end ends it.
func members(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: members ADDR")
	}
	c := memberlist.DefaultWANConfig()
	c.Name, c.BindAddr = "theirs", args[0]
	// The test's key, as in gossip.c and members.c.
	c.SecretKey = []byte("kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk")
	c.Delegate = onlyMeta(make([]byte, 124))
	c.Logger = log.New(io.Discard, "", 0)
	if _, err := memberlist.Create(c); err != nil {
		return err
	}
	fmt.Printf("pid %d\n", os.Getpid())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		runtime.GC()
		fmt.Println("collected")
	}
	return nil
}
