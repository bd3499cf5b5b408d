// Command withservices runs a command with a private Postgres and Redis, named
// to it by DATABASE_URL and REDIS_URL, and takes them down afterwards:
//
//	withservices go test ./...
//
// Services that those variables already name are used as they are.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"chasqui/internal/devstack"
)

func main() {
	argv := os.Args[1:]
	if len(argv) > 0 && argv[0] == "--" {
		argv = argv[1:]
	}
	if len(argv) == 0 {
		fmt.Fprintln(os.Stderr, "usage: withservices [--] COMMAND [ARGUMENT...]")
		os.Exit(2)
	}
	code, err := devstack.Exec(context.Background(), devstack.Options{
		DatabaseURL: os.Getenv("DATABASE_URL"),
		RedisURL:    os.Getenv("REDIS_URL"),
		Log:         slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}, argv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withservices:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}
