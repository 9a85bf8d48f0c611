// The peer of the benchmark: hashicorp/memberlist as Debian has it. Each mode
// stands in a file of its own and enters itself below.
package main

import (
	"fmt"
	"os"
)

// What can be asked for: `peer MODE ARGUMENT...`.
var modes = map[string]func(args []string) error{}

func main() {
	if len(os.Args) < 2 || modes[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: peer MODE [ARGUMENT...]")
		os.Exit(2)
	}
	if err := modes[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}
