// The Go client program: the official Go client makes claims about the broker that NAMESRV_ADDR leads to.
//
//	interop [CHECK...]             every check of a default broker, or only those named
//	interop features [CHECK...]    what a broker does beyond storing and handing out
//	interop worker TOPIC GROUP     a consumer that is going to be killed
package main

import (
	"os"
	"slices"
)

func main() {
	args := os.Args[1:]
	if len(args) == 3 && args[0] == "worker" {
		runWorker(args[1], args[2])
		return
	}
	checks := slices.Concat(
		sendChecks, bodyChecks, pushChecks, rebalanceChecks, pullChecks, adminChecks, restartChecks)
	if len(args) > 0 && args[0] == "features" {
		checks, args = featureChecks, args[1:]
	}
	if len(args) > 0 {
		checks = slices.DeleteFunc(checks, func(c check) bool { return !slices.Contains(args, c.name) })
	}
	runAll(checks)
}
