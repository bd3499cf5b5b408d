package app

import (
	"context"
	"time"
)

const devStopLimit = 60 * time.Second

type dev struct{}

func (dev) Run(ctx context.Context, con *console) error { return nil }

type doctor struct{}

func (doctor) Run(ctx context.Context, con *console) error { return nil }
