// Command api serves the HTTP API and the dashboard. It keeps nothing: run as many as you like.
package main

import "chasqui/internal/app"

func main() { app.Main("api", app.API) }
