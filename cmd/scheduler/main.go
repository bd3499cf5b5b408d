// Command scheduler turns the clock into work. One of them leads, the others wait to take over.
package main

import "chasqui/internal/app"

func main() { app.Main("scheduler", app.Scheduler) }
