// Command whatsim runs the simulated WhatsApp by itself, for the development stack and for tests across processes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"chasqui/internal/whatsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := whatsim.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
