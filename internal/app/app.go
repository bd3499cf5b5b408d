// Package app plugs everything together: settings, the programs' parts, their
// ordered start and stop, the metrics and health listener, the cron table and
// the operator's command line. It is the only package that sees all others, and
// it decides nothing about messages or numbers.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"chasqui/internal/queue"
)

// Version is the release this code belongs to.
const Version = "0.1.0"

// Program builds the parts of one program, in start order, on an open kit.
type Program func(ctx context.Context, k *Kit) ([]Part, error)

// Main runs a program until it is told to stop or fails, and ends the process.
func Main(name string, program Program) {
	os.Exit(run(name, program))
}

func run(name string, program Program) int {
	cfg, err := Load(os.Environ(), Required...)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s cannot start:\n%v\n", name, err)
		return 2
	}
	log := NewLog(os.Stdout, cfg)
	slog.SetDefault(log)
	queue.LogRedis(log)
	ctx, stop := stopSignals(log, cfg.ShutdownTimeout, os.Exit)
	defer stop()
	if err := Serve(ctx, name, cfg, log, program); err != nil {
		log.ErrorContext(ctx, "ended", "program", name, "error", err)
		return 1
	}
	log.InfoContext(ctx, "stopped", "program", name)
	return 0
}

// Serve opens what a program needs, runs its parts until ctx ends or one of
// them fails, and closes everything again.
func Serve(ctx context.Context, name string, cfg Config, log *slog.Logger, program Program) (err error) {
	k, err := Open(ctx, name, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	parts, err := program(ctx, k)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "starting", "program", name, "version", Version, "env", cfg.Env)
	return Run(ctx, parts...)
}

// stopSignals gives a context that ends with the first SIGINT or SIGTERM. A
// second one, or a shutdown that takes longer than limit, ends the process at
// once through exit: whatever was under way is found again by its rows.
func stopSignals(log *slog.Logger, limit time.Duration, exit func(int)) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	finished := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
		case <-finished:
			return
		}
		again := make(chan os.Signal, 1)
		signal.Notify(again, os.Interrupt, syscall.SIGTERM)
		stop()
		select {
		case <-again:
			log.Warn("told to stop a second time: leaving at once")
		case <-time.After(limit):
			log.Error("shutdown took too long: leaving", "limit", limit)
		case <-finished:
			return
		}
		exit(1)
	}()
	return ctx, func() { close(finished); stop() }
}
