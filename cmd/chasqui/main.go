// Command chasqui is the operator's command line: it migrates, sets up, checks,
// and runs everything on one machine for development.
package main

import "chasqui/internal/app"

func main() { app.CLI() }
