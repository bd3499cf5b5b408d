package bench_test

import "context"

func measureSend(context.Context, *bench) error       { return nil }
func measureUrgent(context.Context, *bench) error     { return nil }
func measureBacklog(context.Context, *bench) error    { return nil }
func measureMemory(context.Context, *bench) error     { return nil }
func measureTalk(context.Context, *bench) error       { return nil }
func measureReconnect(context.Context, *bench) error  { return nil }
func measurePacing(context.Context, *bench) error     { return nil }
func measureClaim(context.Context, *bench) error      { return nil }
func measureUnanswered(context.Context, *bench) error { return nil }
func bareWhatsApp(context.Context) error              { return nil }
