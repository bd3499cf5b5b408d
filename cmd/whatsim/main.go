// Command whatsim runs the simulated WhatsApp by itself, for the development stack and for tests across processes.
//
// It prints one JSON line {"endpoint","control","root_key","ca_file"} when it is ready, and ends on SIGTERM or SIGINT.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"chasqui/internal/whatsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	opts, err := parse(args)
	if err != nil {
		return err
	}
	sim, err := whatsim.Start(opts)
	if err != nil {
		return err
	}
	ready := map[string]string{
		"endpoint": sim.Endpoint(), "control": sim.ControlURL(), "root_key": sim.RootKeyHex(), "ca_file": sim.CAFile(),
	}
	if err := json.NewEncoder(os.Stdout).Encode(ready); err != nil {
		return err
	}
	<-ctx.Done()
	return sim.Close()
}

func parse(args []string) (whatsim.Options, error) {
	var o whatsim.Options
	fs := flag.NewFlagSet("whatsim", flag.ContinueOnError)
	fs.StringVar(&o.Listen, "listen", "127.0.0.1:3810", "address of WhatsApp itself (TLS and plain)")
	fs.StringVar(&o.Control, "control", "127.0.0.1:3811", "address of the control API and the pocket-phone page, or off")
	fs.StringVar(&o.DataDir, "data", ".run/whatsim", "folder for keys, accounts and sessions")
	fs.DurationVar(&o.DeliveredAfter, "delivered-after", 300*time.Millisecond, "from arrival to the delivered receipt; negative means never")
	fs.DurationVar(&o.ReadAfter, "read-after", 2*time.Second, "from arrival to the read receipt; negative means never")
	fs.BoolVar(&o.ShareName, "share-name", true, "phones tell new companions their name")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	return o, nil
}
