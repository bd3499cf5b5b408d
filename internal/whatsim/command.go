package whatsim

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Main is the command: it runs a simulator until the context ends. When it is ready it prints one JSON line
// {"endpoint","control","root_key","ca_file"} to out; its log goes to diag.
func Main(ctx context.Context, args []string, out, diag io.Writer) error {
	opts, err := parse(args, diag)
	if err != nil {
		return err
	}
	sim, err := Start(opts)
	if err != nil {
		return err
	}
	ready := map[string]string{
		"endpoint": sim.Endpoint(), "control": sim.ControlURL(), "root_key": sim.RootKeyHex(), "ca_file": sim.CAFile(),
	}
	if err := json.NewEncoder(out).Encode(ready); err != nil {
		return fmt.Errorf("whatsim: announce: %w", err)
	}
	<-ctx.Done()
	return sim.Close()
}

func parse(args []string, diag io.Writer) (Options, error) {
	var o Options
	fs := flag.NewFlagSet("whatsim", flag.ContinueOnError)
	fs.SetOutput(diag)
	fs.StringVar(&o.Listen, "listen", "127.0.0.1:3810", "address of WhatsApp itself (TLS and plain)")
	fs.StringVar(&o.Control, "control", "127.0.0.1:3811", "address of the control API and the pocket-phone page, or off")
	fs.StringVar(&o.Camera, "camera", "", "file that says where codes are shown, as chasqui dev writes it; lets the pocket phone scan by a click")
	fs.StringVar(&o.DataDir, "data", ".run/whatsim", "folder for keys, accounts and sessions")
	fs.DurationVar(&o.DeliveredAfter, "delivered-after", 300*time.Millisecond, "from arrival to the delivered receipt; negative means never")
	fs.DurationVar(&o.ReadAfter, "read-after", 2*time.Second, "from arrival to the read receipt; negative means never")
	fs.BoolVar(&o.ShareName, "share-name", true, "phones tell new companions their name")
	if err := fs.Parse(args); err != nil {
		return o, fmt.Errorf("whatsim: flags: %w", err)
	}
	o.Logger = slog.New(slog.NewTextHandler(diag, nil))
	return o, nil
}
